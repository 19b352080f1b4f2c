import Diagnostics

/// The samples of a file of texts, tokenized from the mapped file on demand: `tokens` [T] int32, then
/// `label`.
public struct TextDataset: Dataset {
    /// The rows of the source that are samples, in order.
    public let rows: [Int]
    /// `tokens`, and `label` unless the dataset was made without it.
    public let fields: [FieldSpec]
    /// The number of samples.
    public var count: Int { rows.count }
    /// False: each sample is tokenized from text.
    public var isResident: Bool { false }

    private let source: CSVSource
    private let tokenizer: SequenceTokenizer
    private let columns: [Int]
    private let labelEncoder: LabelEncoder
    private let labelColumn: Int?

    init(_ fitted: FittedText, source: CSVSource, rows: [Int]?, withLabel: Bool) throws {
        let label = fitted.label.column
        let trained = fitted.trainedColumnCount
        columns = try fitted.columns.map {
            try $0.position(in: source, trainedColumnCount: trained, label: label.index)
        }
        labelColumn =
            withLabel ? try label.position(in: source, trainedColumnCount: trained, label: nil) : nil
        let tokens = FieldSpec(
            name: "tokens", sampleShape: [fitted.tokenizer.length], element: .int32)
        fields = withLabel ? [tokens, fitted.label.field] : [tokens]
        tokenizer = fitted.tokenizer
        labelEncoder = LabelEncoder(fitted.label)
        try source.check(rows ?? [])
        self.rows = rows ?? Array(0..<source.rowCount)
        self.source = source
        guard !self.rows.isEmpty else {
            throw LockstepError(.badData, "no row is left", at: FileLocation(source.files[0].path))
        }
    }

    /// Tokenizes a sample, or reads its label.
    /// - Throws: 65 with FILE:LINE:COLUMN for an unknown class or a label that is no number.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try write(sample: index) { $0 == field ? destination : nil }
    }

    /// Tokenizes a sample and reads its label, the row being read once.
    /// - Throws: 65 with FILE:LINE:COLUMN for an unknown class or a label that is no number.
    public func write(
        sample index: Int, epoch: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer
    ) throws {
        try write(sample: index) { place($0) }
    }

    /// Writes the fields that have a place.
    private func write(sample index: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer?) throws {
        let row = rows[index]
        let (tokens, label) = (place(0), fields.count > 1 ? place(1) : nil)
        // Quotes separate words, doubled or not: the bytes need no decoding before they are tokenized.
        var pieces = Array(repeating: UnsafeBufferPointer<UInt8>(start: nil, count: 0), count: columns.count)
        try source.forEachField(ofRow: row) { field in
            if let label, field.column == labelColumn {
                try labelEncoder.write(field, row: row, source: source, to: label)
            }
            for (piece, column) in columns.enumerated() where column == field.column {
                pieces[piece] = field.bytes
            }
        }
        guard let tokens else { return }
        try tokenizer.encode(pieces, to: tokens.assumingMemoryBound(to: Int32.self))
    }

    /// `FILE:LINE` of a sample's row.
    public func describe(sample index: Int) -> String { source.location(ofRow: rows[index]).description }

    /// The text's columns, joined by a space.
    public func text(sample index: Int) throws -> String? {
        let fields = try source.strings(ofRow: rows[index])
        return columns.map { fields[$0] }.joined(separator: " ")
    }

    /// A hash of the row.
    public func identity(sample index: Int) throws -> UInt64 { try source.identity(ofRow: rows[index]) }
}
