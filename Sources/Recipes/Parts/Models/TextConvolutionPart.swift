/// Kim's convolutional network for sentences: the keys of `model.kind: textCNN`.
public struct TextConvolutionPart: Sendable, Equatable {
    /// The numbers a word becomes.
    public var embedding: Int
    /// The outputs of each convolution.
    public var channels: Int
    /// How many tokens each convolution sees at a time.
    public var lengths: [Int]
    /// The probability with which a pooled channel is dropped in training.
    public var dropout: Double

    /// Creates the part.
    public init(
        embedding: Int = 100, channels: Int = 100, lengths: [Int] = [3, 4, 5], dropout: Double = 0.5
    ) {
        self.embedding = embedding
        self.channels = channels
        self.lengths = lengths
        self.dropout = dropout
    }
}

extension TextConvolutionPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        embedding = try reader.integer("embedding", in: 1...65_536, default: 100)
        channels = try reader.integer("channels", in: 1...65_536, default: 100)
        lengths = try reader.integers("lengths", in: 1...1_000, maximumCount: 50, default: [3, 4, 5])
        dropout = try reader.number("dropout", .below(0, 1), default: 0.5)
        guard !lengths.isEmpty else { throw reader.failure("lengths", "names no length") }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("embedding", embedding)
        keys.add("channels", channels)
        keys.add("lengths", lengths)
        keys.add("dropout", dropout)
    }
}
