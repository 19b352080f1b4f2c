/// How nodes exchange gradients, where there are several: the group `training.exchange` of a recipe.
public struct ExchangePart: Sendable, Equatable {
    /// Whether gradients travel while backward goes on; the bits are the same.
    public var overlap: Bool
    /// Millions of bytes of gradients that travel together.
    public var bucketMegabytes: Double

    /// Creates the part.
    public init(overlap: Bool = true, bucketMegabytes: Double = 4) {
        self.overlap = overlap
        self.bucketMegabytes = bucketMegabytes
    }
}

extension ExchangePart {
    init(_ reader: RecipeReader) throws {
        overlap = try reader.flag("overlap", default: true)
        bucketMegabytes = try reader.number("bucketMegabytes", .above(0), default: 4)
        try reader.finish()
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("overlap", overlap)
        keys.add("bucketMegabytes", bucketMegabytes)
    }
}
