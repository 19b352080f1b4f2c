/// A causal transformer of GPT-2's shape: the keys of `model.kind: gpt`. Its context is `data.context`.
public struct GPTPart: Sendable, Equatable {
    /// Blocks.
    public var layers: Int
    /// Numbers a token.
    public var width: Int
    /// Heads of attention; they divide the width.
    public var heads: Int
    /// The rate of dropout after the embedding, each part of a block, and of the weights of attention.
    public var dropout: Double

    /// Creates the part.
    public init(layers: Int = 4, width: Int = 128, heads: Int = 4, dropout: Double = 0) {
        (self.layers, self.width, self.heads, self.dropout) = (layers, width, heads, dropout)
    }
}

extension GPTPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        layers = try reader.integer("layers", in: 1...1_000, default: 4)
        width = try reader.integer("width", in: 1...65_536, default: 128)
        heads = try reader.heads(width: width, default: 4)
        dropout = try reader.number("dropout", .below(0, 1), default: 0)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("layers", layers)
        keys.add("width", width)
        keys.add("heads", heads)
        keys.add("dropout", dropout)
    }
}

extension RecipeReader {
    /// `heads`, which divide a width.
    func heads(width: Int, default standard: Int) throws -> Int {
        let heads = try integer("heads", in: 1...4_096, default: standard)
        guard width % heads == 0 else {
            throw failure(
                "heads", "is \(heads), which does not divide the width of \(width)",
                remedy: "use a number of heads that divides model.width")
        }
        return heads
    }
}
