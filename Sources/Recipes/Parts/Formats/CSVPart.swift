/// How a CSV file is written and which column is to be predicted; its keys stand directly in the group `data`.
public struct CSVPart: Sendable, Equatable {
    /// The byte between columns.
    public var delimiter: String
    /// Whether the first row of each file names the columns.
    public var header: Bool
    /// The column to predict.
    public var label: ColumnReference

    /// Creates the part.
    public init(delimiter: String = ",", header: Bool = true, label: ColumnReference) {
        self.delimiter = delimiter
        self.header = header
        self.label = label
    }
}

extension CSVPart {
    init(_ reader: RecipeReader) throws {
        delimiter = try Self.readDelimiter(reader)
        header = try reader.flag("header", default: true)
        label = try reader.column(try reader.required("label"), "label")
        try check([("label", [label])], reader)
    }

    static func readDelimiter(_ reader: RecipeReader) throws -> String {
        let delimiter = try reader.optionalText("delimiter") ?? ","
        guard delimiter.utf8.count == 1, !["\"", "\n", "\r"].contains(delimiter) else {
            throw reader.failure(
                "delimiter", "must be one byte that is no quote and no line break",
                remedy: #"write delimiter: "," or "\t" or ";""#)
        }
        return delimiter
    }

    /// Refuses columns that are given by name where no header names them.
    func check(_ columns: [(key: String, references: [ColumnReference])], _ reader: RecipeReader) throws {
        guard !header else { return }
        for (key, references) in columns {
            for case .name(let name) in references {
                throw reader.failure(
                    key, "names the column '\(name)', but the file has no header",
                    remedy: "give the column's position, counted from 0, or write header: true")
            }
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("delimiter", delimiter)
        keys.add("header", header)
        keys.add("label", canonical: label.canonical)
    }
}
