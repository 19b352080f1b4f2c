import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Sizes of well-known transformers, and wrong models: each error names the layer, the shapes and what to change.
@Suite struct TransformerTests {
    private let tokens = ModelTrace.Field("tokens", [4], .int32)

    private func parameterCount(_ model: any Layer, inputs: Int = 1) throws -> Int {
        let fields = (0..<inputs).map { ModelTrace.Field("tokens\($0)", [4], .int32) }
        let trace = try ModelTrace(model, sampleCount: 1, inputs: fields, isTraining: false)
        return trace.graph.parameters.reduce(0) { $0 + $1.shape.elementCount }
    }

    /// The numbers that their authors' checkpoints hold.
    @Test func parameterCounts() throws {
        #expect(try parameterCount(GPT(.init())) == 124_439_808)
        #expect(try parameterCount(PooledEncoder(.init())) == 109_482_240)
        let llama = Llama.Configuration(
            vocabularySize: 32_000, layers: 32, width: 4096, heads: 32, hidden: 11_008)
        #expect(try parameterCount(Llama(llama)) == 6_738_415_616)
        let translation = EncoderDecoderTransformer(.init(vocabularySize: 1000))
        #expect(try parameterCount(translation, inputs: 2) == 44_140_544 + 1000 * 512)
    }

    private func refuse(
        _ model: any Layer, inputs: [ModelTrace.Field], mentions: [String],
        location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: LockstepError.self, sourceLocation: location) {
            try ModelTrace(model, sampleCount: 2, inputs: inputs, isTraining: true)
        }
        guard let error else { return }
        #expect(error.code == .usage && !(error.remedy ?? "").isEmpty, "\(error)", sourceLocation: location)
        for text in mentions { #expect(error.message.contains(text), "\(error)", sourceLocation: location) }
    }

    @Test func widthsThatHeadsDoNotDivide() {
        refuse(
            GPT(.init(vocabularySize: 9, context: 8, layers: 1, width: 10, heads: 3)), inputs: [tokens],
            mentions: ["'transformer.h.0'", "width of 10", "3 heads"])
        refuse(
            GPT(.init(vocabularySize: 9, context: 8, layers: 1, width: 10, heads: 0)), inputs: [tokens],
            mentions: ["'transformer.h.0'", "0 heads"])
        refuse(
            Llama(.init(vocabularySize: 9, layers: 1, width: 8, heads: 4, keyValueHeads: 3, hidden: 8)),
            inputs: [tokens], mentions: ["'model.layers.0'", "4 heads", "3 heads"])
        refuse(
            Llama(.init(vocabularySize: 9, layers: 1, width: 6, heads: 2, hidden: 8)), inputs: [tokens],
            mentions: ["'model.layers.0'", "a head has 3"])
    }

    @Test func textsLongerThanTheContext() {
        refuse(
            GPT(.init(vocabularySize: 9, context: 3, layers: 1, width: 8, heads: 2)), inputs: [tokens],
            mentions: ["'transformer.wpe'", "4 tokens", "context of 3"])
        let short = TransformerEncoder.Configuration(
            vocabularySize: 9, context: 3, layers: 1, width: 8, heads: 2)
        refuse(BERTClassifier(short, classes: 2), inputs: [tokens], mentions: ["4 tokens", "context of 3"])
    }

    @Test func inputsThatDoNotFit() {
        let gpt = GPT(.init(vocabularySize: 9, context: 8, layers: 1, width: 8, heads: 2))
        refuse(gpt, inputs: [.init("x", [4])], mentions: ["'transformer.wte'", "float32 [2, 4]"])
        refuse(gpt, inputs: [tokens, .init("more", [4], .int32)], mentions: ["GPT", "one input", "2"])
        refuse(gpt, inputs: [.init("tokens", [], .int32)], mentions: ["'transformer.wpe'", "[2, 8]"])
        let translation = EncoderDecoderTransformer(
            .init(vocabularySize: 9, layers: 1, width: 8, heads: 2, hidden: 8))
        refuse(translation, inputs: [tokens], mentions: ["source and target", "1"])
        let bert = TransformerEncoder(.init(vocabularySize: 9, context: 8, layers: 1, width: 8, heads: 2))
        refuse(
            bert, inputs: [tokens, .init("types", [5], .int32)], mentions: ["[2, 4, 8]", "[2, 5, 8]"])
        refuse(bert, inputs: [tokens, tokens, tokens], mentions: ["3 inputs"])
    }

    @Test func attentionOnItsOwn() {
        let narrow = MultiHeadAttention(width: 8, .init(heads: 2))
        refuse(narrow, inputs: [.init("x", [3, 6])], mentions: ["8 wide", "[2, 3, 6]"])
        refuse(narrow, inputs: [.init("x", [8])], mentions: ["[2, 8]"])
        for rate in [1.0, -0.1, .nan] {
            var options = MultiHeadAttention.Options(heads: 2)
            options.dropout = rate
            refuse(
                MultiHeadAttention(width: 8, options), inputs: [.init("x", [3, 8])], mentions: ["\(rate)"])
        }
    }
}
