import Diagnostics
import Graphs
import Testing

/// Operands that do not fit: the error names the layer, both shapes and a remedy.
@Suite struct ShapeErrorTests {
    private func refuse(
        _ mentions: [String], location: SourceLocation = #_sourceLocation,
        _ body: (GradientCheck) throws -> Tensor
    ) {
        let check = GradientCheck()
        let error = #expect(throws: LockstepError.self, sourceLocation: location) {
            _ = try check.graph.scope("encoder.3") { try body(check) }
        }
        guard let error else { return }
        #expect(error.code == .usage, sourceLocation: location)
        #expect(error.message.contains("'encoder.3'"), "\(error)", sourceLocation: location)
        #expect(!(error.remedy ?? "").isEmpty, "\(error)", sourceLocation: location)
        for text in mentions { #expect(error.message.contains(text), "\(error)", sourceLocation: location) }
    }

    @Test func matricesThatDoNotMultiply() {
        refuse(["[3, 4]", "[5, 6]"]) { try $0.parameter([3, 4]).matmul($0.parameter([5, 6])) }
        refuse(["[3, 4]", "[4, 6]"]) {
            try $0.parameter([3, 4]).matmul($0.parameter([4, 6]), transposesLeft: true)
        }
        refuse(["[2, 3, 4]", "[4, 6]"]) { try $0.parameter([2, 3, 4]).matmul($0.parameter([4, 6])) }
        refuse(["int32 [3, 4]", "float32 [4, 6]"]) {
            try $0.ids([3, 4], Array(repeating: 0, count: 12)).matmul($0.parameter([4, 6]))
        }
    }

    @Test func elementwiseOperandsOfTwoShapes() {
        refuse(["[2, 3]", "[3, 2]"]) { try $0.parameter([2, 3]) + $0.parameter([3, 2]) }
        refuse(["[2, 3]", "[2]"]) { try $0.parameter([2, 3]) * $0.parameter([2]) }
        refuse(["[4]", "[2, 3]"]) { try $0.parameter([2, 3]).addingBias($0.parameter([4])) }
        refuse(["[2]"]) { try $0.parameter([2, 3]).multiplied(byScalar: $0.parameter([2])) }
        refuse(["[2, 3]", "[7]"]) { try $0.parameter([2, 3]).reshaped(to: [7]) }
    }

    @Test func idsWhereNumbersAreComputed() {
        let ids: (GradientCheck) -> Tensor = { $0.ids([2, 2], [0, 1, 1, 0]) }
        refuse(["int32 [2, 2]"]) { try ids($0).sum() }
        refuse(["int32 [2, 2]"]) { try ids($0).mean(axis: 1) }
        refuse(["int32 [2, 2]"]) { try ids($0).activated(.relu) }
        refuse(["int32 [2, 2]"]) { try ids($0).scaled(by: 2) }
        refuse(["int32 [2, 2]"]) { try ids($0).droppingOut(rate: 0.5) }
        refuse(["int32 [2, 2]"]) { try ids($0).addingBias($0.parameter([2])) }
        refuse(["int32 [2, 2]"]) { try ids($0).sigmoidCrossEntropy(targets: $0.input([4])) }
        refuse(["int32 [2, 2]"]) { try ids($0).squaredError(targets: $0.input([2, 2])) }
        refuse(["int32 [2, 2]"]) { try ids($0).softmaxCrossEntropy(labels: $0.ids([2], [0, 1])) }
    }

    @Test func axesThatAreNotThere() {
        refuse(["axis 2", "[2, 3]"]) { try $0.parameter([2, 3]).sum(axis: 2) }
        refuse(["axis -1", "[2, 3]"]) { try $0.parameter([2, 3]).mean(axis: -1) }
        refuse(["axis 0", "[]"]) { try $0.parameter(.scalar).mean(axis: 0) }
        refuse(["[2, 0]"]) { try $0.input([2, 0]).mean(axis: 1) }
    }

    @Test func lossesOfTheWrongShape() {
        refuse(["[4, 1]"]) {
            try $0.parameter([4, 1]).softmaxCrossEntropy(labels: $0.ids([4], [0, 0, 0, 0]))
        }
        refuse(["int32 [3]", "[4]"]) {
            try $0.parameter([4, 2]).softmaxCrossEntropy(labels: $0.ids([3], [0, 0, 0]))
        }
        refuse(["float32 [4]"]) { try $0.parameter([4, 2]).softmaxCrossEntropy(labels: $0.input([4])) }
        refuse(["[4, 2]", "[4]"]) { try $0.parameter([4, 2]).sigmoidCrossEntropy(targets: $0.input([4])) }
        refuse(["[4, 2]", "int32 [4, 2]"]) {
            try $0.parameter([4, 2]).squaredError(targets: $0.ids([4, 2], Array(repeating: 0, count: 8)))
        }
    }

    @Test func tablesAndTokens() {
        refuse(["float32 [2]"]) { try $0.parameter([5, 2]).lookup($0.input([2])) }
        refuse(["[5]"]) { try $0.parameter([5]).lookup($0.ids([2], [0, 0])) }
        refuse(["[2, 3]", "[2, 2]"]) {
            try $0.parameter([2, 3]).maskedMean(
                TokenMask(ids: $0.ids([2, 2], [0, 0, 0, 0]).node, paddingID: 0))
        }
        refuse(["[2, 3, 1]", "[2, 2]"]) {
            let ids = $0.ids([2, 2], [0, 0, 0, 0])
            return try $0.parameter([2, 3, 1]).maskedMean(TokenMask(ids: ids.node, paddingID: 0))
        }
        refuse(["scalar"]) { try $0.parameter(.scalar).droppingOut(rate: 0.5) }
    }

    @Test(arguments: [[0], [3, -1], [1 << 40, 1 << 40], [.max, 2]])
    func parametersWithoutElementsOrWithTooMany(shape: [Int]) {
        refuse(["\(Shape(shape))"]) { check in
            try check.graph.parameter("w", of: Owner(), shape: Shape(shape), initializer: NoValues())
        }
    }

    @Test func aSharedLayerWithTwoWidths() throws {
        let (graph, owner) = (Graph(), Owner())
        _ = try graph.parameter("weight", of: owner, shape: [3, 4], initializer: NoValues())
        let error = #expect(throws: LockstepError.self) {
            try graph.scope("head") {
                try graph.parameter("weight", of: owner, shape: [5, 4], initializer: NoValues())
            }
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("[3, 4]") && text.contains("[5, 4]") && text.contains("'head'"))
    }

    @Test func tensorsOfTwoGraphs() throws {
        let (one, other) = (GradientCheck(), GradientCheck())
        let (x, y) = (try one.parameter([2]), try other.parameter([2]))
        #expect(throws: LockstepError.self) { try x + y }
    }
}
