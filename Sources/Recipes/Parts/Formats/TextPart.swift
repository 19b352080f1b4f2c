/// Texts in CSV columns; its keys stand directly in the group `data`.
public struct TextPart: Sendable, Equatable {
    /// How the file is written.
    public var csv: CSVPart
    /// The columns whose texts are joined by a space (key `text`).
    public var columns: [ColumnReference]
    /// How texts become tokens.
    public var tokenizer: TokenizerPart

    /// Creates the part.
    public init(csv: CSVPart, columns: [ColumnReference], tokenizer: TokenizerPart = TokenizerPart()) {
        self.csv = csv
        self.columns = columns
        self.tokenizer = tokenizer
    }
}

extension TextPart: FormatPart {
    init(_ reader: RecipeReader) throws {
        csv = try CSVPart(reader)
        _ = try reader.required("text")
        columns = try reader.columns("text") ?? []
        guard !columns.isEmpty else { throw reader.failure("text", "names no column") }
        tokenizer = try TokenizerPart(reader)
        try csv.check([("text", columns)], reader)
    }

    func flatten(into keys: inout FlatKeys) {
        csv.flatten(into: &keys)
        keys.add("text", list: columns.map(\.canonical))
        tokenizer.flatten(into: &keys)
    }
}
