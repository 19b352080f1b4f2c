/// Where the samples come from and how they become numbers: the group `data` of a recipe.
public struct DataPart: Sendable, Equatable {
    /// What the files hold.
    public enum Format: String, Sendable, CaseIterable {
        /// Numbers and categories in CSV columns.
        case table
        /// Texts in CSV columns.
        case text
    }

    /// What the files hold.
    public var format: Format
    /// The absolute paths of the files, read one after the other.
    public var paths: [String]
    /// The file with the test rows, for ``SplitPart/files(validation:seed:stratify:)`` only.
    public var testPath: String?
    /// The byte between columns.
    public var delimiter: String
    /// Whether the first row of each file names the columns.
    public var header: Bool
    /// The column to predict.
    public var label: ColumnReference
    /// The names of the classes in the order of their numbers. Where the data's labels are these names, a
    /// label's number is its place here; where they are whole numbers, their sorted order is the order here.
    /// Nil takes the sorted labels of the data.
    public var classNames: ClassNames?
    /// What only tables have; nil for texts.
    public var table: TablePart?
    /// What only texts have; nil for tables.
    public var text: TextPart?
    /// Which rows train, validate and test.
    public var split: SplitPart
    /// Cross-validation: replaces the fractions of ``split``.
    public var fold: Fold?
    /// The fraction of a fold's training rows that is set aside for validation; of no effect without
    /// ``fold``.
    public var validationFraction: Double
    /// Files up to this size in all are held in memory, in bytes; larger ones are mapped and indexed.
    public var residentLimitBytes: Int

    /// The default of ``residentLimitBytes``: 256 MiB.
    public static let defaultResidentLimitBytes = 268_435_456

    /// Creates the part; give `table` or `text`, as `format` says (`table` has a default).
    public init(
        format: Format = .table, paths: [String], testPath: String? = nil, delimiter: String = ",",
        header: Bool = true, label: ColumnReference, classNames: ClassNames? = nil, table: TablePart? = nil,
        text: TextPart? = nil, split: SplitPart = SplitPart(), fold: Fold? = nil,
        validationFraction: Double = 0.1, residentLimitBytes: Int = DataPart.defaultResidentLimitBytes
    ) {
        self.format = format
        self.paths = paths
        self.testPath = testPath
        self.delimiter = delimiter
        self.header = header
        self.label = label
        self.classNames = classNames
        self.table = table ?? (format == .table ? TablePart() : nil)
        self.text = text
        self.split = split
        self.fold = fold
        self.validationFraction = validationFraction
        self.residentLimitBytes = residentLimitBytes
    }

    /// Whether some rows are set aside for validation.
    public var hasValidation: Bool {
        fold != nil ? validationFraction > 0 : split.hasValidation
    }

    /// Whether some rows are set aside for the test.
    public var hasTest: Bool { fold != nil || split.hasTest }
}

extension DataPart {
    init(_ reader: RecipeReader) throws {
        format = try reader.choice("format", default: .table)
        paths = try Self.readPaths(reader)
        delimiter = try Self.readDelimiter(reader)
        header = try reader.flag("header", default: true)
        label = try reader.column(try reader.required("label"), "label")
        classNames = try ClassNames(reader, key: "classNames")
        table = format == .table ? try TablePart(reader) : nil
        text = format == .text ? try TextPart(reader) : nil
        split = try SplitPart(try reader.part("split"))
        testPath = try reader.optionalPath("testPath")
        fold = try Fold(reader, key: "fold")
        validationFraction = try reader.number("validationFraction", .below(0, 1), default: 0.1)
        residentLimitBytes = try reader.integer(
            "residentLimitBytes", in: 0...Int.max, default: Self.defaultResidentLimitBytes)
        try reader.finish(for: "data format '\(format.rawValue)'")
        try check(reader)
    }

    private static func readPaths(_ reader: RecipeReader) throws -> [String] {
        if let paths = try reader.paths("paths") {
            guard !reader.has("path") else {
                throw reader.failure(
                    "path", "and data.paths are both written",
                    remedy: "keep one; --set data.paths=null drops it")
            }
            guard !paths.isEmpty else { throw reader.failure("paths", "names no file") }
            return paths
        }
        return [try reader.path(try reader.required("path"), "path")]
    }

    private static func readDelimiter(_ reader: RecipeReader) throws -> String {
        let delimiter = try reader.optionalText("delimiter") ?? ","
        guard delimiter.utf8.count == 1, !["\"", "\n", "\r"].contains(delimiter) else {
            throw reader.failure(
                "delimiter", "must be one byte that is no quote and no line break",
                remedy: #"write delimiter: "," or "\t" or ";""#)
        }
        return delimiter
    }

    private func check(_ reader: RecipeReader) throws {
        if let column = namedColumn, !header {
            throw reader.failure(
                column.key, "names the column '\(column.name)', but the file has no header",
                remedy: "give the column's position, counted from 0, or write header: true")
        }
        switch (split.kind, testPath) {
        case (.files, nil):
            throw reader.failure(
                "testPath", "is missing", remedy: "data.split.kind: files needs data.testPath")
        case (.fractions, .some), (.ranges, .some):
            throw reader.failure("testPath", "needs data.split.kind: files", remedy: "write that, or drop it")
        default: break
        }
        if fold != nil, split.kind != .fractions {
            throw reader.failure(
                "fold", "cannot be used with data.split.kind: \(split.kind.rawValue)",
                remedy: "a fold cuts all rows by itself: drop data.split, or use kind: fractions")
        }
    }

    /// The first column that is given by name, with the key that names it.
    private var namedColumn: (key: String, name: String)? {
        let columns: [(String, [ColumnReference])] = [
            ("label", [label]), ("features", table?.features ?? []), ("drop", table?.drop ?? []),
            ("categorical", table?.categorical ?? []), ("text", text?.columns ?? []),
        ]
        for (key, references) in columns {
            for case .name(let name) in references { return (key, name) }
        }
        return nil
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("format", format.rawValue)
        if paths.count == 1 { keys.add("path", paths[0]) } else { keys.add("paths", paths) }
        keys.add("testPath", testPath)
        keys.add("delimiter", delimiter)
        keys.add("header", header)
        keys.add("label", canonical: label.canonical)
        classNames.flatten(into: &keys)
        if format == .table { table?.flatten(into: &keys) }
        if format == .text { text?.flatten(into: &keys) }
        keys.inside("split") { split.flatten(into: &$0) }
        keys.add("fold", fold?.description)
        keys.add("validationFraction", validationFraction)
        keys.add("residentLimitBytes", residentLimitBytes)
    }
}
