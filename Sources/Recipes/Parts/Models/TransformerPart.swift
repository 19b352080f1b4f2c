/// A transformer that reads a text at once: the keys of `model.kind: transformer`.
public struct TransformerPart: Sendable, Equatable {
    /// What stands for a text.
    public enum Pooling: String, Sendable, CaseIterable {
        /// The mean over its tokens.
        case mean
        /// Its first token, through a layer with tanh (BERT).
        case first
    }

    /// Blocks.
    public var layers: Int
    /// Numbers a token; ``heads`` divides it.
    public var width: Int
    /// Heads of attention.
    public var heads: Int
    /// Numbers between the products of a block.
    public var feedForward: Int
    /// What stands for a text.
    public var pooling: Pooling
    /// The probability with which numbers are dropped in training: of the embedding, of attention, after each part.
    public var dropout: Double

    /// Creates the part.
    public init(
        layers: Int = 2, width: Int = 128, heads: Int = 4, feedForward: Int? = nil, pooling: Pooling = .mean,
        dropout: Double = 0.1
    ) {
        self.layers = layers
        self.width = width
        self.heads = heads
        self.feedForward = feedForward ?? 4 * width
        self.pooling = pooling
        self.dropout = dropout
    }
}

extension TransformerPart: NetworkPart, TransformerSizes {
    init(_ reader: RecipeReader) throws {
        self.init()
        try readSizes(reader)
        feedForward = try reader.integer("feedForward", in: 1...1_000_000, default: 4 * width)
        pooling = try reader.choice("pooling", default: pooling)
    }

    func flatten(into keys: inout FlatKeys) {
        flattenSizes(into: &keys)
        keys.add("feedForward", feedForward)
        keys.add("pooling", pooling.rawValue)
    }
}
