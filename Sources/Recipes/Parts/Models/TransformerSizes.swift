/// What transformers of all kinds have in common: keys of `transformer`, `gpt` and `translation`.
protocol TransformerSizes {
    /// Blocks.
    var layers: Int { get set }
    /// Numbers a token.
    var width: Int { get set }
    /// Heads of attention; they divide the width.
    var heads: Int { get set }
    /// The rate of dropout.
    var dropout: Double { get set }
}

extension TransformerSizes {
    /// Reads the keys; what is not written stays as it is.
    mutating func readSizes(_ reader: RecipeReader) throws {
        layers = try reader.integer("layers", in: 1...1_000, default: layers)
        width = try reader.integer("width", in: 1...65_536, default: width)
        heads = try reader.integer("heads", in: 1...65_536, default: heads)
        dropout = try reader.number("dropout", .below(0, 1), default: dropout)
        guard width % heads == 0 else {
            throw reader.failure(
                "heads", "is \(heads), which does not divide the width of \(width)",
                remedy: "use a number of heads that divides model.width")
        }
    }

    func flattenSizes(into keys: inout FlatKeys) {
        keys.add("layers", layers)
        keys.add("width", width)
        keys.add("heads", heads)
        keys.add("dropout", dropout)
    }
}
