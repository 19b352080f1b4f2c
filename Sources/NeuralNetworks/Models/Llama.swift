import Graphs

/// A language model of the shape of Llama (Touvron et al. 2023): int32 tokens [batch, tokens] → the next token's logits
/// [batch, tokens, vocabulary].
///
/// Rotary positions, RMS norms before each part, SwiGLU, no biases, keys and values shared by groups of heads, an output
/// layer of its own unless tied. Parameters have the names of Hugging Face's LlamaForCausalLM.
public struct Llama: Layer {
    /// The sizes.
    public struct Configuration: Sendable {
        /// Ids of tokens.
        public var vocabularySize: Int
        /// Blocks.
        public var layers: Int
        /// Numbers a token.
        public var width: Int
        /// Heads of attention; they divide the width.
        public var heads: Int
        /// Heads of keys and values; they divide the heads.
        public var keyValueHeads: Int
        /// Numbers between the products of a block.
        public var hidden: Int
        /// The base of rotary positions.
        public var rotaryBase = 10_000.0
        /// The mean square that norms add.
        public var epsilon = 1e-5
        /// Whether the embedding's table is the output.
        public var tiesOutput = false

        /// Sizes.
        public init(
            vocabularySize: Int, layers: Int, width: Int, heads: Int, keyValueHeads: Int? = nil, hidden: Int
        ) {
            (self.vocabularySize, self.layers, self.width) = (vocabularySize, layers, width)
            (self.heads, self.keyValueHeads, self.hidden) = (heads, keyValueHeads ?? heads, hidden)
        }
    }

    /// The sizes.
    public let configuration: Configuration
    /// Tokens.
    public let tokens: Embedding
    /// The blocks.
    public let blocks: [TransformerBlock]
    /// The norm before the output.
    public let norm: RMSNorm
    /// The output layer; `nil` when it is the embedding's table.
    public let head: Dense?

    /// Creates a model.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        let (width, small) = (configuration.width, Normal(deviation: 0.02))
        let makeNorm = { RMSNorm(epsilon: configuration.epsilon) }
        tokens = Embedding(configuration.vocabularySize, width, initializer: small)
        var options = MultiHeadAttention.Options(heads: configuration.heads)
        (options.keyValueHeads, options.isCausal) = (configuration.keyValueHeads, true)
        (options.hasBias, options.rotaryBase) = (false, configuration.rotaryBase)
        blocks = (0..<configuration.layers).map { _ in
            TransformerBlock(
                attention: MultiHeadAttention(width: width, options, initializer: small),
                feedForward: FeedForward(
                    width: width, hidden: configuration.hidden, activation: .silu, isGated: true, bias: false,
                    initializer: small),
                norm: makeNorm, order: .before, names: .llama)
        }
        norm = makeNorm()
        head =
            configuration.tiesOutput
            ? nil : Dense(configuration.vocabularySize, bias: false, initializer: small)
    }

    /// The layers by the names of LlamaForCausalLM.
    public var namedLayers: [(name: String, layer: any Layer)] {
        [("model.embed_tokens", tokens)]
            + blocks.enumerated().map { ("model.layers.\($0.offset)", $0.element) }
            + [("model.norm", norm)] + (head.map { [("lm_head", $0)] } ?? [])
    }

    /// Traces the model.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        var value = try tokens(input)
        for (index, block) in blocks.enumerated() {
            value = try input.graph.scope("model.layers.\(index)") { try block(value) }
        }
        let read = try norm(value)
        return try head.map { try $0(read) } ?? tokens.asOutput(read)
    }
}
