/// Word embeddings, their mean over the words, then dense layers: the keys of `model.kind: pooledText`.
public struct PooledTextPart: Sendable, Equatable {
    /// The numbers a word becomes.
    public var embedding: Int
    /// The layers on the mean.
    public var dense: DensePart

    /// Creates the part.
    public init(embedding: Int = 50, dense: DensePart = DensePart(hidden: [24])) {
        self.embedding = embedding
        self.dense = dense
    }
}

extension PooledTextPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        embedding = try reader.integer("embedding", in: 1...65_536, default: 50)
        dense = try DensePart(reader, hidden: [24])
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("embedding", embedding)
        dense.flatten(into: &keys)
    }
}
