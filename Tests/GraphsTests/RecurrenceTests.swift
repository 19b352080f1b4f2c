import Diagnostics
import Graphs
import Testing

/// The gradient rules of recurrent cells against central differences of their references.
@Suite struct RecurrenceTests {
    /// Full, short with padding in the middle, and empty.
    private let tokens = [1, 2, 3, 1, 0, 2, 0, 0, 0, 0, 0, 0]

    @Test(arguments: RecurrentCell.allCases, [false, true]) func gradients(
        cell: RecurrentCell, isReversed: Bool
    )
        throws
    {
        for (isMasked, hasBias) in [(false, false), (true, cell == .gru)] {
            let check = GradientCheck(seed: 3)
            let width = 3
            let projected = try check.parameter([3, 4, cell.gateCount * width])
            let weight = try check.parameter([width, cell.gateCount * width])
            let bias = hasBias ? try check.parameter([cell.gateCount * width]) : nil
            let ids = isMasked ? check.ids([3, 4], tokens) : nil
            let states = try projected.recurrence(
                cell, weight: weight, bias: bias, isReversed: isReversed,
                mask: ids.map { TokenMask(ids: $0.node, paddingID: 0) })
            #expect(states.shape == [3, 4, width])
            try check.verify(check.weighted(states * states))
        }
    }

    @Test(arguments: [0, 2, 5], [false, true]) func lastState(forwardWidth: Int, isMasked: Bool) throws {
        let check = GradientCheck()
        let states = try check.parameter([3, 4, 5])
        let mask = isMasked ? TokenMask(ids: check.ids([3, 4], tokens).node, paddingID: 0) : nil
        let last = try states.lastState(forwardWidth: forwardWidth, mask: mask)
        #expect(last.shape == [3, 5])
        try check.verify(check.weighted(last * last))
        let values = check.graph.evaluate([last], inputs: check.inputs, parameters: check.values)[0].values
        let all = check.values[0].values
        let ends = isMasked ? [3, 1] : [3, 3]
        for sample in 0..<2 {
            for column in 0..<5 {
                let token = column < forwardWidth ? ends[sample] : 0
                #expect(values[sample * 5 + column] == all[(sample * 4 + token) * 5 + column])
            }
        }
        #expect(!isMasked || values[10...].allSatisfy { $0 == 0 })
    }

    @Test func operandsThatDoNotFit() {
        func refuse(_ mentions: [String], _ body: (Graph) throws -> Void) {
            let error = #expect(throws: LockstepError.self) { try body(Graph()) }
            guard let error else { return }
            #expect(error.code == .usage && !(error.remedy ?? "").isEmpty)
            for text in mentions { #expect(error.message.contains(text), "\(error)") }
        }
        func input(_ graph: Graph, _ shape: Shape, _ element: ElementType = .float32) -> Tensor {
            graph.input("x", TensorType(shape, element))
        }
        refuse(["lstm", "[2, 3, 8]", "[4, 16]"]) {
            _ = try input($0, [2, 3, 8]).recurrence(.lstm, weight: input($0, [4, 16]))
        }
        refuse(["gru", "[2, 12]", "[4, 12]"]) {
            _ = try input($0, [2, 12]).recurrence(.gru, weight: input($0, [4, 12]))
        }
        refuse(["[12]", "[4]"]) {
            _ = try input($0, [2, 3, 12]).recurrence(.gru, weight: input($0, [4, 12]), bias: input($0, [4]))
        }
        refuse(["int32 [2, 3]", "int32 [2, 5]"]) {
            let mask = TokenMask(ids: input($0, [2, 5], .int32).node, paddingID: 0)
            _ = try input($0, [2, 3, 4]).recurrence(.tanh, weight: input($0, [4, 4]), mask: mask)
        }
        refuse(["rnn-relu", "int32"]) {
            _ = try input($0, [2, 3, 4], .int32).recurrence(.relu, weight: input($0, [4, 4]))
        }
        refuse(["last state", "[2, 4]"]) { _ = try input($0, [2, 4]).lastState() }
        refuse(["last state", "[2, 0, 4]"]) { _ = try input($0, [2, 0, 4]).lastState() }
        refuse(["last state", "int32 [2, 3]", "float32 [2, 3]"]) {
            let mask = TokenMask(ids: input($0, [2, 3]).node, paddingID: 0)
            _ = try input($0, [2, 3, 4]).lastState(mask: mask)
        }
    }
}
