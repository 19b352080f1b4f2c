import Diagnostics

/// Which columns of a CSV file hold text and label. ``fit(_:rows:)`` turns it into a ``FittedText``.
public struct TextSchema: Sendable, Equatable {
    /// The text columns, read as one text joined by a space.
    public var text: [ColumnReference]
    /// The label column.
    public var label: ColumnReference
    /// What the label means.
    public var labelKind: LabelKind
    /// How texts become token sequences.
    public var tokenizer: WordTokenizerOptions
    /// Which tokens they become.
    public var tokenKind: TokenKind

    /// Creates a schema.
    public init(
        text: [ColumnReference], label: ColumnReference, labelKind: LabelKind = .classes(),
        tokenizer: WordTokenizerOptions = WordTokenizerOptions(), tokenKind: TokenKind = .words
    ) {
        self.text = text
        self.label = label
        self.labelKind = labelKind
        self.tokenizer = tokenizer
        self.tokenKind = tokenKind
    }

    /// Collects vocabulary and classes from the rows of the training split.
    /// - Throws: 65 for an unknown column, a bad label, a split without rows, words or a second class.
    public func fit(_ source: CSVSource, rows: [Int]) throws -> FittedText {
        try source.check(rows)
        let columns = try text.map { try source.columnIndex(of: $0) }
        let labelColumn = try source.columnIndex(of: label)
        guard !columns.isEmpty, !columns.contains(labelColumn) else {
            throw LockstepError(.usage, "a text needs at least one text column, and the label is none")
        }
        guard !rows.isEmpty else {
            throw LockstepError(
                .badData, "the training split has no row", at: FileLocation(source.files[0].path))
        }
        var classes: Set<String> = []
        let tokenizer = try SequenceTokenizer(tokenKind, options: tokenizer) { take in
            for row in rows {
                try source.forEachField(ofRow: row) { field in
                    if columns.contains(field.column) { try take(field.bytes) }
                    if field.column == labelColumn {
                        try checkLabel(field, row: row, source: source)
                        if labelKind != .number { classes.insert(field.text) }
                    }
                }
            }
        }
        return FittedText(
            columns: columns.map { ColumnIdentity(source, $0) },
            label: try fittedLabel(classes, ColumnIdentity(source, labelColumn), source),
            tokenizer: tokenizer, trainedColumnCount: source.columnCount)
    }

    private func checkLabel(_ field: CSVField, row: Int, source: CSVSource) throws {
        if labelKind == .number, field.number == nil { throw source.notANumberError(field, row: row) }
        guard !field.trimmed.isEmpty else {
            throw source.error("the label is missing", row: row, field: field, remedy: "take the row out")
        }
    }

    private func fittedLabel(
        _ classes: Set<String>, _ column: ColumnIdentity, _ source: CSVSource
    ) throws -> FittedLabel {
        guard case .classes(let names) = labelKind else {
            return FittedLabel(column: column, kind: .number, classNames: [])
        }
        return try FittedLabel.classes(classes, column: column, names: names, in: source)
    }
}

/// What training learned about a file of texts: columns, vocabulary, classes. It is kept in checkpoints as
/// JSON.
public struct FittedText: Codable, Sendable, Equatable {
    /// The text columns, read as one text joined by a space.
    public var columns: [ColumnIdentity]
    /// The label column.
    public var label: FittedLabel
    /// The vocabulary and how texts become sequences.
    public var tokenizer: SequenceTokenizer
    /// Columns in the training file.
    public var trainedColumnCount: Int

    /// The samples of these rows, tokenized on demand; all rows where `rows` is nil.
    /// - Parameter withLabel: false for a file to predict; the label column is then ignored and need not
    ///   exist.
    /// - Throws: 65 where a column is not in the file, or there is no row.
    public func dataset(
        _ source: CSVSource, rows: [Int]? = nil, withLabel: Bool = true
    ) throws -> TextDataset {
        try TextDataset(self, source: source, rows: rows, withLabel: withLabel)
    }
}
