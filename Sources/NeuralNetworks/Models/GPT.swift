import Graphs

/// A language model of the shape of GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019):
/// int32 tokens [batch, tokens] → the next token's logits [batch, tokens, vocabulary].
///
/// Learned positions, norms before each part, GELU by its tanh approximation, and the embedding's table as the output.
/// Parameters have the names and layouts of Hugging Face's GPT2LMHeadModel, so that its checkpoints load.
public struct GPT: Layer {
    /// The sizes.
    public struct Configuration: Sendable {
        /// Ids of tokens.
        public var vocabularySize: Int
        /// The most tokens of a sample.
        public var context: Int
        /// Blocks.
        public var layers: Int
        /// Numbers a token.
        public var width: Int
        /// Heads of attention; they divide the width.
        public var heads: Int
        /// The rate of dropout after the embedding, each part of a block, and of the weights of attention.
        public var dropout: Double
        /// The variance that norms add.
        public var epsilon = 1e-5

        /// Sizes; those of GPT-2 small unless told otherwise.
        public init(
            vocabularySize: Int = 50_257, context: Int = 1024, layers: Int = 12, width: Int = 768,
            heads: Int = 12, dropout: Double = 0
        ) {
            (self.vocabularySize, self.context, self.layers) = (vocabularySize, context, layers)
            (self.width, self.heads, self.dropout) = (width, heads, dropout)
        }
    }

    /// The sizes.
    public let configuration: Configuration
    /// Tokens, and the output.
    public let tokens: Embedding
    /// Positions.
    public let positions: LearnedPositions
    /// The blocks.
    public let blocks: [TransformerBlock]
    /// The norm before the output.
    public let norm: LayerNorm

    /// Creates a model.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        let (width, small) = (configuration.width, Normal(deviation: 0.02))
        tokens = Embedding(configuration.vocabularySize, width, initializer: small)
        positions = LearnedPositions(configuration.context, initializer: small)
        // Every block adds twice to the same sum: smaller first values keep its variance.
        let smaller = Normal(deviation: 0.02 / Double(2 * max(1, configuration.layers)).squareRoot())
        var options = MultiHeadAttention.Options(heads: configuration.heads)
        (options.isCausal, options.isPacked, options.storage) = (true, true, .asIs)
        options.dropout = configuration.dropout
        blocks = (0..<configuration.layers).map { _ in
            TransformerBlock(
                attention: MultiHeadAttention(
                    width: width, options, initializer: small, outputInitializer: smaller),
                feedForward: FeedForward(
                    width: width, hidden: 4 * width, activation: .geluTanh, initializer: small,
                    outputInitializer: smaller, storage: .asIs),
                norm: { LayerNorm(epsilon: configuration.epsilon) }, order: .before,
                dropout: configuration.dropout, names: .gpt2)
        }
        norm = LayerNorm(epsilon: configuration.epsilon)
    }

    /// The layers by the names of GPT2LMHeadModel.
    public var namedLayers: [(name: String, layer: any Layer)] {
        [("transformer.wte", tokens), ("transformer.wpe", positions)]
            + blocks.enumerated().map { ("transformer.h.\($0.offset)", $0.element) }
            + [("transformer.ln_f", norm)]
    }

    /// Traces the model.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        var value = try Dropout(configuration.dropout)(positions(tokens(input)))
        for (index, block) in blocks.enumerated() {
            value = try input.graph.scope("transformer.h.\(index)") { try block(value) }
        }
        return try tokens.asOutput(norm(value))
    }
}
