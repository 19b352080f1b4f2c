import Diagnostics
import Graphs

/// The transformer of "Attention is all you need" (Vaswani et al. 2017), for translation: int32 source tokens and target
/// tokens [batch, tokens] → the next target token's logits [batch, target tokens, vocabulary].
///
/// One table embeds both texts, scaled by √width, and is the output; positions are sinusoidal. Names and layouts are
/// those of torch.nn.Transformer (`encoder.layers.0.self_attn.in_proj_weight`, `decoder.norm.weight` …); the table is
/// `embedding.weight`.
public struct EncoderDecoderTransformer: Layer {
    /// The sizes.
    public struct Configuration: Sendable {
        /// Ids of tokens, of both languages.
        public var vocabularySize: Int
        /// Blocks of the encoder, and of the decoder.
        public var layers: Int
        /// Numbers a token.
        public var width: Int
        /// Heads of attention; they divide the width.
        public var heads: Int
        /// Numbers between the products of a block.
        public var hidden: Int
        /// The id of padding, which no token attends to; `nil` when every id is a token.
        public var paddingID: Int? = 0
        /// Where norms stand.
        public var order = NormOrder.after
        /// Whether a norm ends the encoder and the decoder, as in torch.nn.Transformer in either order.
        public var endsInNorm = true
        /// The function between the products of a block.
        public var activation = Activation.relu
        /// The rate of dropout after the embeddings, each part of a block, and of the weights of attention.
        public var dropout: Double

        /// Sizes; those of the base model unless told otherwise.
        public init(
            vocabularySize: Int, layers: Int = 6, width: Int = 512, heads: Int = 8, hidden: Int = 2048,
            dropout: Double = 0.1
        ) {
            (self.vocabularySize, self.layers, self.width) = (vocabularySize, layers, width)
            (self.heads, self.hidden, self.dropout) = (heads, hidden, dropout)
        }
    }

    /// The sizes.
    public let configuration: Configuration
    /// Tokens of both texts, and the output.
    public let embedding: Embedding
    /// The encoder's blocks.
    public let encoder: [TransformerBlock]
    /// The decoder's blocks.
    public let decoder: [TransformerBlock]
    /// The norms that end them.
    public let norms: [LayerNorm]

    /// Creates a model.
    public init(_ configuration: Configuration) {
        self.configuration = configuration
        let width = configuration.width
        // Scaled by √width, the embedded numbers have variance one.
        embedding = Embedding(
            configuration.vocabularySize, width, paddingID: configuration.paddingID,
            initializer: Normal(deviation: 1 / Double(max(1, width)).squareRoot()))
        func block(isDecoder: Bool) -> TransformerBlock {
            var options = MultiHeadAttention.Options(heads: configuration.heads)
            (options.isJoint, options.dropout) = (true, configuration.dropout)
            let cross = isDecoder ? MultiHeadAttention(width: width, options) : nil
            options.isCausal = isDecoder
            return TransformerBlock(
                attention: MultiHeadAttention(width: width, options), crossAttention: cross,
                feedForward: FeedForward(
                    width: width, hidden: configuration.hidden, activation: configuration.activation,
                    dropout: configuration.dropout),
                norm: { LayerNorm() }, order: configuration.order, dropout: configuration.dropout)
        }
        encoder = (0..<configuration.layers).map { _ in block(isDecoder: false) }
        decoder = (0..<configuration.layers).map { _ in block(isDecoder: true) }
        norms = configuration.endsInNorm ? [LayerNorm(), LayerNorm()] : []
    }

    /// The layers by the names of torch.nn.Transformer.
    public var namedLayers: [(name: String, layer: any Layer)] {
        [("embedding", embedding)]
            + encoder.enumerated().map { ("encoder.layers.\($0.offset)", $0.element) }
            + decoder.enumerated().map { ("decoder.layers.\($0.offset)", $0.element) }
            + zip(["encoder.norm", "decoder.norm"], norms).map { ($0, $1) }
    }

    /// A translation needs two inputs: see ``trace(inputs:)``.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try trace(inputs: [input]) }

    /// Traces the model on source tokens and target tokens.
    public func trace(inputs: [Tensor]) throws -> Tensor {
        guard inputs.count == 2 else {
            throw LockstepError(
                .usage, "an encoder and decoder take source and target tokens, got \(inputs.count) inputs",
                remedy: "feed it two fields of int32 tokens")
        }
        return try decode(inputs[1], memory: encode(inputs[0]))
    }

    /// What the decoder attends to: [batch, tokens] → [batch, tokens, width], with the mask of its padding.
    public func encode(_ source: Tensor) throws -> Tensor {
        var value = try embedded(source)
        for (index, block) in encoder.enumerated() {
            value = try source.graph.scope("encoder.layers.\(index)") { try block(value) }
        }
        return try norms.first.map { try $0(value) } ?? value
    }

    /// What decoding keeps of source sentences [batch, tokens]: for each block of the decoder the keys and values of its
    /// second attention, one block after the other, [blocks·batch, tokens, 2·width].
    public func memory(of source: Tensor) throws -> Tensor {
        let encoded = try encode(source)
        let parts = try decoder.enumerated().compactMap { index, block in
            try source.graph.scope("decoder.layers.\(index)") {
                try block.crossAttention?.keysAndValues(of: encoded)
            }
        }
        return try source.graph.concatenate(parts, axis: 0)
    }

    /// The logits after new target tokens, where the graph decodes; of the source only its ids are needed, for the
    /// padding.
    public func decode(_ target: Tensor, source: Tensor) throws -> Tensor {
        var memory = source
        memory.mask = TokenMask(ids: source.node, paddingID: configuration.paddingID)
        return try decode(target, memory: memory)
    }

    /// The logits of each target token's successor.
    public func decode(_ target: Tensor, memory: Tensor) throws -> Tensor {
        var value = try embedded(target)
        for (index, block) in decoder.enumerated() {
            value = try target.graph.scope("decoder.layers.\(index)") { try block(value, memory: memory) }
        }
        return try embedding.asOutput(norms.last.map { try $0(value) } ?? value)
    }

    private func embedded(_ tokens: Tensor) throws -> Tensor {
        let rows = try embedding(tokens)
        var scaled = try rows.scaled(by: Double(configuration.width).squareRoot())
        scaled.mask = rows.mask
        return try Dropout(configuration.dropout)(SinusoidalPositions()(scaled))
    }
}
