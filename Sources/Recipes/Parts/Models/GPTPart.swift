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

extension GPTPart: NetworkPart, TransformerSizes {
    init(_ reader: RecipeReader) throws {
        self.init()
        try readSizes(reader)
    }

    func flatten(into keys: inout FlatKeys) { flattenSizes(into: &keys) }
}
