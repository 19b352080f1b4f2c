/// Low-rank adapters that learn while the numbers of `model.from` stay: the group `model.adapters`.
public struct AdaptersPart: Sendable, Equatable {
    /// The numbers between the two matrices of an adapter.
    public var rank: Int
    /// An adapter's result is multiplied by alpha / rank.
    public var alpha: Double
    /// The probability with which what an adapter reads is dropped in training.
    public var dropout: Double
    /// Patterns of paths of layers, or of their ends from a dot on, that have an adapter; `*` stands for any characters.
    public var on: [String]

    /// Creates the part.
    public init(rank: Int = 8, alpha: Double = 16, dropout: Double = 0, on: [String]) {
        (self.rank, self.alpha, self.dropout, self.on) = (rank, alpha, dropout, on)
    }
}

extension AdaptersPart {
    /// Reads the group.
    init(_ reader: RecipeReader) throws {
        rank = try reader.integer("rank", in: 1...65_536, default: 8)
        alpha = try reader.number("alpha", .above(0), default: 16)
        dropout = try reader.number("dropout", .below(0, 1), default: 0)
        _ = try reader.required("on")
        on = try reader.texts("on") ?? []
        try reader.finish()
        if on.isEmpty || on.contains("") {
            throw reader.failure(
                "on", on.isEmpty ? "names no layer" : "holds an empty name",
                remedy: "name layers, for instance on: [query, value], or all with on: ['*']")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("rank", rank)
        keys.add("alpha", alpha)
        keys.add("dropout", dropout)
        keys.add("on", on)
    }
}
