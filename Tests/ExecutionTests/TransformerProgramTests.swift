import Execution
import Graphs
import NeuralNetworks
import Testing

/// Whole transformers as programs: logits, loss and every gradient against the float64 reference of the graph.
@Suite struct TransformerProgramTests {
    private func check(
        _ model: any Layer, tokens: [Int] = [7], label: Shape = [7], idLimit: Int = 9, isTraining: Bool = true
    ) throws {
        let inputs = tokens.enumerated().map { ModelTrace.Field("x\($0.offset)", [$0.element], .int32) }
        let trace = try ModelTrace(
            model, sampleCount: 3, inputs: inputs, label: .init("y", label, .int32),
            loss: .softmaxCrossEntropy,
            isTraining: isTraining)
        // A bias of keys has no effect, so that its gradient of zero is all rounding: hence the tolerance.
        try ProgramCheck(trace, idLimit: idLimit).verify(tolerance: 5e-4, "\(type(of: model))")
    }

    @Test(arguments: [true, false]) func gpt(isTraining: Bool) throws {
        var configuration = GPT.Configuration(vocabularySize: 9, context: 9, layers: 2, width: 12, heads: 3)
        try check(GPT(configuration), isTraining: isTraining)
        configuration.dropout = 0.2
        try check(GPT(configuration), isTraining: isTraining)
    }

    @Test(arguments: [true, false]) func llama(tiesOutput: Bool) throws {
        var configuration = Llama.Configuration(
            vocabularySize: 9, layers: 2, width: 16, heads: 4, keyValueHeads: 2, hidden: 10)
        configuration.tiesOutput = tiesOutput
        try check(Llama(configuration))
    }

    @Test func bert() throws {
        var configuration = TransformerEncoder.Configuration(
            vocabularySize: 9, context: 8, layers: 1, width: 12, heads: 2, hidden: 10)
        configuration.dropout = 0.1
        try check(BERTClassifier(configuration, classes: 9), label: [])
        try check(MaskedLanguageModel(configuration))
        // The second input's ids are token types.
        configuration.tokenTypes = 9
        try check(BERTClassifier(configuration, classes: 9), tokens: [7, 7], label: [])
    }

    @Test(arguments: NormOrder.allCases) func translation(order: NormOrder) throws {
        var configuration = EncoderDecoderTransformer.Configuration(
            vocabularySize: 9, layers: 1, width: 12, heads: 2, hidden: 10)
        configuration.order = order
        try check(EncoderDecoderTransformer(configuration), tokens: [5, 7])
    }
}
