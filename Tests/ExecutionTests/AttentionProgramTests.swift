import Execution
import Graphs
import NeuralNetworks
import Testing

/// Attention in programs: kernels, strides and places against the float64 reference of the graph.
@Suite struct AttentionProgramTests {
    /// Projections of embedded tokens, attention over them, and a score for each sample.
    private struct Model: Layer {
        let form: AttentionForm
        let heads: Int
        let groups: Int
        let width: Int
        let isCausal: Bool
        let paddingID: Int?
        let embedding = Embedding(7, 12, initializer: Normal(deviation: 1))
        let projections: [Dense]
        let head = Dense(1)

        init(
            _ form: AttentionForm, heads: Int, groups: Int, width: Int, isCausal: Bool, paddingID: Int?
        ) {
            (self.form, self.heads, self.groups, self.width) = (form, heads, groups, width)
            (self.isCausal, self.paddingID) = (isCausal, paddingID)
            let counts =
                switch form {
                case .packed: [heads + 2 * groups]
                case .packedKeysAndValues: [heads, 2 * groups]
                case .separate: [heads, groups, groups]
                }
            // No bias: that of the keys has no effect, and its gradient of zero is all rounding.
            projections = counts.map { Dense($0 * width, bias: false) }
        }

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            let rows = try embedding(input)
            let operands = try projections.map { try $0(rows) }
            let mask = TokenMask(ids: input.node, paddingID: paddingID)
            let seen = try operands[0].attention(
                form, Array(operands.dropFirst()), heads: heads, groups: groups, isCausal: isCausal,
                mask: mask)
            return try head(Flatten()(seen.activated(.tanh)))
        }
    }

    private func check(_ model: Model, tokens: Int) throws {
        let trace = try ModelTrace(
            model, sampleCount: 3, input: .init("x", [tokens], .int32), label: .init("y", []),
            loss: .sigmoidCrossEntropy, isTraining: true)
        try ProgramCheck(trace, idLimit: 7).verify("\(model.form) \(tokens)")
    }

    @Test(arguments: [AttentionForm.packed, .packedKeysAndValues, .separate], [false, true])
    func forms(form: AttentionForm, isCausal: Bool) throws {
        for (heads, groups, width) in [(2, 2, 5), (4, 2, 16), (3, 1, 8)] {
            for tokens in [1, 40] {
                try check(
                    Model(
                        form, heads: heads, groups: groups, width: width, isCausal: isCausal, paddingID: nil),
                    tokens: tokens)
            }
        }
    }

    @Test(arguments: [AttentionForm.packed, .packedKeysAndValues, .separate], [false, true])
    func padding(form: AttentionForm, isCausal: Bool) throws {
        for tokens in [1, 2, 66] {
            try check(
                Model(form, heads: 2, groups: 1, width: 6, isCausal: isCausal, paddingID: 3), tokens: tokens)
        }
    }
}
