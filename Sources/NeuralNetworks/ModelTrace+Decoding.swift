import Graphs

extension ModelTrace {
    /// Traces a language model on the next tokens of sequences whose earlier keys and values are kept.
    ///
    /// The fields are `tokens` and `positions`, int32 [batch, tokens], the places of the tokens in their sequences, then a
    /// cache of keys and values for each attention, [batch, capacity, width], which the program reads and writes. The
    /// predictions are the logits of all of the tokens.
    /// - Throws: `LockstepError` naming the layer where the model cannot decode.
    public init(decoding model: any Layer, sampleCount: Int, tokenCount: Int, capacity: Int) throws {
        let graph = Graph(isTraining: false, layerPaths: model.layerPaths())
        let (tokens, positions) = Self.newTokens(graph, sampleCount, tokenCount)
        graph.decode(positions: positions, capacity: capacity)
        let logits = try model.callAsFunction(tokens)
        self.init(graph, Self.newTokenFields(tokenCount), logits, sampleCount: sampleCount)
    }

    /// Traces the encoder of a translation model, and what decoding keeps of its result: `source`, int32
    /// [sentences, tokens], → [blocks·sentences, tokens, 2·width].
    public init(encoding model: EncoderDecoderTransformer, sentences: Int, tokenCount: Int) throws {
        let graph = Graph(isTraining: false, layerPaths: model.layerPaths())
        let source = graph.input("source", TensorType([sentences, tokenCount], .int32))
        let memory = try model.memory(of: source)
        self.init(graph, [Field("source", [tokenCount], .int32)], memory, sampleCount: sentences)
    }

    /// Traces the decoder of a translation model on the next token of `beams` sequences for each sentence.
    ///
    /// The fields are `tokens` and `positions`, int32 [sentences·beams, 1], `source`, int32 [sentences, sourceLength], then
    /// for each block a cache [sentences·beams, capacity, 2·width] and a memory [sentences, sourceLength, 2·width]. The
    /// predictions are the logarithms of the next token's probabilities.
    public init(
        decoding model: EncoderDecoderTransformer, sentences: Int, beams: Int, sourceLength: Int,
        capacity: Int
    ) throws {
        let graph = Graph(isTraining: false, layerPaths: model.layerPaths())
        let (tokens, positions) = Self.newTokens(graph, sentences * beams, 1)
        let source = graph.input("source", TensorType([sentences, sourceLength], .int32))
        graph.decode(positions: positions, capacity: capacity, memory: (sentences, sourceLength))
        let logarithms = try model.decode(tokens, source: source).logSoftmax()
        self.init(
            graph, Self.newTokenFields(1) + [Field("source", [sourceLength], .int32)], logarithms,
            sampleCount: sentences * beams)
    }

    private static func newTokens(_ graph: Graph, _ samples: Int, _ tokens: Int) -> (Tensor, Tensor) {
        let type = TensorType([samples, tokens], .int32)
        return (graph.input("tokens", type), graph.input("positions", type))
    }

    private static func newTokenFields(_ tokenCount: Int) -> [Field] {
        ["tokens", "positions"].map { Field($0, [tokenCount], .int32) }
    }

    private init(_ graph: Graph, _ fields: [Field], _ predictions: Tensor, sampleCount: Int) {
        self.init(
            graph: graph, fields: fields + (graph.decoding?.fields ?? []), predictions: predictions,
            loss: nil,
            gradients: [], lossTermCount: 0, sampleCount: sampleCount)
    }
}
