/// An encoder-decoder transformer: the keys of `model.kind: translation`.
public struct TranslationPart: Sendable, Equatable {
    /// Where the norms of a block stand.
    public enum NormOrder: String, Sendable, CaseIterable {
        /// Before each part.
        case before
        /// After each sum, as in the first transformer.
        case after
    }

    /// Blocks of the encoder, and of the decoder.
    public var layers: Int
    /// Numbers a token.
    public var width: Int
    /// Heads of attention; they divide the width.
    public var heads: Int
    /// Numbers between the products of a block.
    public var hidden: Int
    /// Where the norms of a block stand.
    public var norms: NormOrder
    /// The rate of dropout after the embeddings, each part of a block, and of the weights of attention.
    public var dropout: Double

    /// Creates the part.
    public init(
        layers: Int = 3, width: Int = 256, heads: Int = 4, hidden: Int = 1_024, norms: NormOrder = .before,
        dropout: Double = 0.1
    ) {
        (self.layers, self.width, self.heads) = (layers, width, heads)
        (self.hidden, self.norms, self.dropout) = (hidden, norms, dropout)
    }
}

extension TranslationPart: NetworkPart, TransformerSizes {
    init(_ reader: RecipeReader) throws {
        self.init()
        try readSizes(reader)
        hidden = try reader.integer("hidden", in: 1...1_000_000, default: hidden)
        norms = try reader.choice("norms", default: norms)
    }

    func flatten(into keys: inout FlatKeys) {
        flattenSizes(into: &keys)
        keys.add("hidden", hidden)
        keys.add("norms", norms.rawValue)
    }
}
