import Diagnostics

/// The samples of a table, decoded from the mapped file on demand: `features` [F] float32, then `label`.
public struct TableDataset: Dataset {
    /// The rows of the source that are samples, in order.
    public let rows: [Int]
    /// `features`, and `label` unless the dataset was made without it.
    public let fields: [FieldSpec]
    /// The number of samples.
    public var count: Int { rows.count }
    /// False: each sample is decoded from text.
    public var isResident: Bool { false }

    private let source: CSVSource
    private let fitted: FittedTable
    private let labelEncoder: LabelEncoder
    private let labelColumn: Int?
    /// For each column of the file, its number among the feature columns, or -1.
    private let slots: [Int]
    /// For each feature column, its first feature.
    private let offsets: [Int]
    /// For each feature column, its categories' numbers; empty for numeric ones.
    private let categories: [[String: Int]]
    /// For each feature column, how it is encoded.
    private let encodings: [FittedTable.Encoding]

    init(_ fitted: FittedTable, source: CSVSource, rows: [Int]?, withLabel: Bool) throws {
        let label = fitted.label.column
        let trained = fitted.trainedColumnCount
        let columns = try fitted.columns.map {
            try $0.identity.position(in: source, trainedColumnCount: trained, label: label.index)
        }
        labelColumn =
            withLabel ? try label.position(in: source, trainedColumnCount: trained, label: nil) : nil
        var slots = Array(repeating: -1, count: source.columnCount)
        for (slot, column) in columns.enumerated() { slots[column] = slot }
        var offset = 0
        offsets = fitted.columns.map { column in
            defer { offset += column.width }
            return offset
        }
        encodings = fitted.columns.map(\.encoding)
        categories = fitted.columns.map { column in
            guard case .oneHot(let names, _) = column.encoding else { return [:] }
            return Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        }
        let features = FieldSpec(name: "features", sampleShape: [fitted.featureCount], element: .float32)
        fields = withLabel ? [features, fitted.label.field] : [features]
        labelEncoder = LabelEncoder(fitted.label)
        try source.check(rows ?? [])
        var usable = rows ?? Array(0..<source.rowCount)
        if fitted.missing.policy == .drop {
            usable = try source.rows(
                usable, withoutMissingIn: columns + (labelColumn.map { [$0] } ?? []), fitted.missing)
        }
        guard !usable.isEmpty else {
            throw LockstepError(
                .badData, "no row is left", at: FileLocation(source.files[0].path),
                remedy: "check the split, and how many rows have missing values")
        }
        (self.fitted, self.source, self.slots, self.rows) = (fitted, source, slots, usable)
    }

    /// Decodes one field of a sample.
    /// - Throws: 65 with FILE:LINE:COLUMN for a field that is no number, a refused missing value, an unknown
    ///   class.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try write(sample: index) { $0 == field ? destination : nil }
    }

    /// Decodes a sample, its row being read once.
    /// - Throws: 65 with FILE:LINE:COLUMN for a field that is no number, a refused missing value, an unknown
    ///   class.
    public func write(
        sample index: Int, epoch: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer
    ) throws {
        try write(sample: index) { place($0) }
    }

    /// Writes the fields that have a place.
    private func write(sample index: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer?) throws {
        let row = rows[index]
        let (features, label) = (place(0), fields.count > 1 ? place(1) : nil)
        let numbers = features?.assumingMemoryBound(to: Float.self)
        try source.forEachField(ofRow: row) { field in
            if let label, field.column == labelColumn {
                try labelEncoder.write(field, row: row, source: source, to: label)
            }
            let slot = slots[field.column]
            guard slot >= 0, let numbers else { return }
            try encode(field, row: row, slot: slot, to: numbers + offsets[slot])
        }
    }

    /// Writes the features of a column.
    private func encode(
        _ field: CSVField, row: Int, slot: Int, to features: UnsafeMutablePointer<Float>
    ) throws {
        switch encodings[slot] {
        case .number(let center, let scale, let fill):
            let value = Float((try number(field, row: row, fill: fill) - center) / scale)
            guard value.isFinite else {
                throw source.error("'\(field.excerpt)' is beyond float32's range", row: row, field: field)
            }
            features[0] = value
        case .oneHot(_, let fill):
            let own = try category(field, row: row, slot: slot, fill: fill)
            for number in 0..<categories[slot].count { features[number] = number == own ? 1 : 0 }
        }
    }

    /// `FILE:LINE` of a sample's row.
    public func describe(sample index: Int) -> String { source.location(ofRow: rows[index]).description }

    /// The row's fields, each with its column's name.
    public func text(sample index: Int) throws -> String? {
        try source.strings(ofRow: rows[index]).enumerated().map { column, field in
            (source.header?[column] ?? String(column)) + "=" + field
        }.joined(separator: " ")
    }

    /// A hash of the row.
    public func identity(sample index: Int) throws -> UInt64 { try source.identity(ofRow: rows[index]) }

    private func number(_ field: CSVField, row: Int, fill: Double?) throws -> Double {
        if fitted.missing.matches(field) {
            guard let fill else { throw source.missingError(field, row: row) }
            return fill
        }
        guard let number = field.number else { throw source.notANumberError(field, row: row) }
        return number
    }

    /// The number of the row's category, -1 for one that the training split does not hold.
    private func category(_ field: CSVField, row: Int, slot: Int, fill: String?) throws -> Int {
        if fitted.missing.matches(field) {
            guard let fill else { throw source.missingError(field, row: row) }
            return categories[slot][fill] ?? -1
        }
        return categories[slot][field.text] ?? -1
    }
}
