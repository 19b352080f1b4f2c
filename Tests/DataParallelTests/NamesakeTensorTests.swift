import DataParallel
import Diagnostics
import Execution
import Graphs
import NeuralNetworks
import Testing

/// What files of PyTorch and Hugging Face hold beside parameters does not stand in the way of loading them.
@Suite struct NamesakeTensorTests {
    private let layout: ParameterLayout
    private var state = TrainedState()

    init() throws {
        let model = GPT(.init(vocabularySize: 5, context: 4, layers: 1, width: 4, heads: 2))
        layout = ParameterLayout(
            try ModelTrace(model, sampleCount: 1, input: .init("x", [4], .int32), isTraining: false))
        for segment in layout.segments {
            state.parameters[segment.name] = StoredTensor(
                shape: segment.storedShape,
                values: HashedNumbers.weight(segment.name, segment.storedShape))
        }
    }

    /// The embedding's table as restored from a state.
    private func restored(_ state: TrainedState) throws -> [Float] {
        var arena = [Float](repeating: 0, count: layout.elementCount)
        try arena.withUnsafeMutableBufferPointer {
            try state.restoreParameters(into: $0.baseAddress!, layout: layout)
        }
        let table = try #require(layout.segments.first { $0.name == "transformer.wte.weight" })
        return arena.withUnsafeBufferPointer { layout.export(table, from: $0.baseAddress!) }
    }

    @Test func masksAndTiedNamesArePassedOver() throws {
        var state = state
        state.parameters["transformer.h.0.attn.bias"] = StoredTensor(
            shape: [1, 1, 4, 4], values: Array(repeating: 1, count: 16))
        state.parameters["transformer.h.0.attn.masked_bias"] = StoredTensor(shape: [], values: [-1e4])
        state.parameters["lm_head.weight"] = state.parameters["transformer.wte.weight"]
        #expect(try restored(state) == state.parameters["transformer.wte.weight"]?.values)
    }

    @Test func anOutputLayerOfItsOwnIsRefused() throws {
        var state = state
        state.parameters["lm_head.weight"] = StoredTensor(
            shape: [5, 4], values: Array(repeating: 1, count: 20))
        let error = #expect(throws: LockstepError.self) { try restored(state) }
        #expect(error?.code == .mismatch && error?.message.contains("lm_head.weight") == true)
    }

    @Test(arguments: ["transformer.h.1.ln_1.bias", "score.weight", "cls.predictions.decoder.weight"])
    func otherTensorsAreRefused(name: String) throws {
        var state = state
        state.parameters[name] = StoredTensor(shape: [4], values: [1, 2, 3, 4])
        let error = #expect(throws: LockstepError.self) { try restored(state) }
        #expect(error?.message.contains(name) == true)
    }
}
