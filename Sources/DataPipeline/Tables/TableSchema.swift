import Diagnostics

/// What a label column means.
public enum LabelKind: Sendable, Equatable {
    /// Texts or numbers that each name a class. Classes are numbered from 0: by value where all labels of the
    /// training split are numbers, else in byte order. `names` are shown instead of the values, in that
    /// order.
    case classes(names: [String]? = nil)
    /// A number to predict, kept as float32.
    case number
}

/// How numeric columns are brought to a common scale, by statistics of the training split alone.
public enum Scaling: String, Codable, Sendable, CaseIterable {
    /// Values stay as they are.
    case none
    /// (x − mean) / standard deviation, the population's; a constant column is divided by 1.
    case standard
    /// (x − minimum) / (maximum − minimum); a constant column is divided by 1.
    case minMax
}

/// Which columns of a table become features and label, and how. ``fit(_:rows:)`` turns it into a
/// ``FittedTable``.
public struct TableSchema: Sendable, Equatable {
    /// The feature columns in the order of the sample; nil means all columns but the label, in the file's
    /// order.
    public var features: [ColumnReference]?
    /// Columns to leave out.
    public var drop: [ColumnReference]
    /// Feature columns that hold categories; each becomes one feature a category (one-hot).
    public var categorical: [ColumnReference]
    /// The label column.
    public var label: ColumnReference
    /// What the label means.
    public var labelKind: LabelKind
    /// What to do about missing values.
    public var missing: MissingValues
    /// How numeric columns are scaled.
    public var scaling: Scaling

    /// Creates a schema.
    public init(
        features: [ColumnReference]? = nil, drop: [ColumnReference] = [],
        categorical: [ColumnReference] = [], label: ColumnReference, labelKind: LabelKind = .classes(),
        missing: MissingValues = MissingValues(), scaling: Scaling = .standard
    ) {
        self.features = features
        self.drop = drop
        self.categorical = categorical
        self.label = label
        self.labelKind = labelKind
        self.missing = missing
        self.scaling = scaling
    }

    /// Learns categories, replacements, scales and classes from the rows of the training split.
    ///
    /// Medians and most frequent values hold up to 256 MiB of one column group at a time; all else streams.
    /// - Throws: 65 with FILE:LINE:COLUMN for an unknown column, a field that is no number, a missing value
    ///   that the policy refuses, a column without a known value, or a split without rows or with a single
    ///   class.
    public func fit(_ source: CSVSource, rows: [Int]) throws -> FittedTable {
        try TableFitter(schema: self, source: source).fit(rows: rows)
    }

    /// The columns of the features, as (position, is categorical), and of the label.
    func resolve(in source: CSVSource) throws -> (features: [(column: Int, isCategorical: Bool)], label: Int)
    {
        let labelColumn = try source.columnIndex(of: label)
        let dropped = Set(try drop.map { try source.columnIndex(of: $0) })
        let categories = Set(try categorical.map { try source.columnIndex(of: $0) })
        let named = try features?.map { try source.columnIndex(of: $0) }
        if let named, named.contains(labelColumn) {
            throw LockstepError(
                .usage, "the label column \(label) is also a feature", remedy: "take it out of the features")
        }
        if let named, Set(named).count < named.count {
            throw LockstepError(.usage, "a feature column is listed twice", remedy: "list each column once")
        }
        let chosen = (named ?? Array(0..<source.columnCount)).filter {
            $0 != labelColumn && !dropped.contains($0)
        }
        guard !chosen.isEmpty else {
            throw LockstepError(
                .badData, "no feature column is left", at: FileLocation(source.files[0].path),
                remedy: "drop fewer columns, or check the delimiter")
        }
        if let stray = categories.subtracting(chosen).min() {
            throw LockstepError(
                .usage, "the categorical column \(source.columnName(stray)) is no feature",
                remedy: "add it to the features, or take it out of the categorical columns")
        }
        return (chosen.map { ($0, categories.contains($0)) }, labelColumn)
    }
}
