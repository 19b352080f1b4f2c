/// Word vectors and recurrent layers: the keys of `model.kind: lstm` and `gru`.
public struct RecurrentPart: Sendable, Equatable {
    /// What stands for a text.
    public enum Pooling: String, Sendable, CaseIterable {
        /// The state at its last token, and of the reverse direction at its first.
        case last
        /// The mean of the states over its tokens.
        case mean
    }

    /// The numbers a word becomes.
    public var embedding: Int
    /// The numbers of a state.
    public var width: Int
    /// Layers on top of each other.
    public var layers: Int
    /// Whether each layer reads the text from both ends.
    public var bidirectional: Bool
    /// What stands for a text.
    public var pooling: Pooling
    /// The probability with which numbers are dropped in training, between layers and before the output.
    public var dropout: Double

    /// Creates the part.
    public init(
        embedding: Int = 100, width: Int = 128, layers: Int = 1, bidirectional: Bool = false,
        pooling: Pooling = .last, dropout: Double = 0
    ) {
        self.embedding = embedding
        self.width = width
        self.layers = layers
        self.bidirectional = bidirectional
        self.pooling = pooling
        self.dropout = dropout
    }
}

extension RecurrentPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        embedding = try reader.integer("embedding", in: 1...65_536, default: 100)
        width = try reader.integer("width", in: 1...65_536, default: 128)
        layers = try reader.integer("layers", in: 1...1_000, default: 1)
        bidirectional = try reader.flag("bidirectional", default: false)
        pooling = try reader.choice("pooling", default: .last)
        dropout = try reader.number("dropout", .below(0, 1), default: 0)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("embedding", embedding)
        keys.add("width", width)
        keys.add("layers", layers)
        keys.add("bidirectional", bidirectional)
        keys.add("pooling", pooling.rawValue)
        keys.add("dropout", dropout)
    }
}
