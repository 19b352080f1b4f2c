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

extension TranslationPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        layers = try reader.integer("layers", in: 1...1_000, default: 3)
        width = try reader.integer("width", in: 1...65_536, default: 256)
        heads = try reader.heads(width: width, default: 4)
        hidden = try reader.integer("hidden", in: 1...1_000_000, default: 1_024)
        norms = try reader.choice("norms", default: .before)
        dropout = try reader.number("dropout", .below(0, 1), default: 0.1)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("layers", layers)
        keys.add("width", width)
        keys.add("heads", heads)
        keys.add("hidden", hidden)
        keys.add("norms", norms.rawValue)
        keys.add("dropout", dropout)
    }
}
