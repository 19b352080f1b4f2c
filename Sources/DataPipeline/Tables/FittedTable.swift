import Diagnostics

/// What training learned about a table's columns: positions, categories, replacements, scales, classes.
///
/// It is kept in checkpoints as JSON, and encodes any file with the same columns, with the label or without.
public struct FittedTable: Codable, Sendable, Equatable {
    /// How one column becomes features.
    public enum Encoding: Codable, Sendable, Equatable {
        /// One feature, (x − center) / scale; `fill` stands for a missing x.
        case number(center: Double, scale: Double, fill: Double?)
        /// One feature a category, 1 for the row's own and 0 for the others; all 0 for a category that the
        /// training split does not hold. `fill` stands for a missing category.
        case oneHot(categories: [String], fill: String?)
    }

    /// A feature column.
    public struct Column: Codable, Sendable, Equatable {
        /// Which column of the file.
        public var identity: ColumnIdentity
        /// How it becomes features.
        public var encoding: Encoding

        /// The number of features that the column becomes.
        public var width: Int {
            switch encoding {
            case .number: 1
            case .oneHot(let categories, _): categories.count
            }
        }
    }

    /// The feature columns, in the order of the sample.
    public var columns: [Column]
    /// The label column.
    public var label: FittedLabel
    /// What to do about missing values.
    public var missing: MissingValues
    /// Columns in the training file.
    public var trainedColumnCount: Int

    /// Features of a sample.
    public var featureCount: Int { columns.reduce(0) { $0 + $1.width } }

    /// A name for each feature: the column's name or number, with `=category` where it is one of a column's
    /// categories.
    public var featureNames: [String] {
        columns.flatMap { column -> [String] in
            let name = column.identity.name ?? "column \(column.identity.index)"
            guard case .oneHot(let categories, _) = column.encoding else { return [name] }
            return categories.map { "\(name)=\($0)" }
        }
    }

    /// The samples of these rows, decoded on demand; all rows where `rows` is nil. Rows with a missing value
    /// are left out where the policy is `drop`: ``TableDataset/rows`` tells which stayed.
    /// - Parameter withLabel: false for a file to predict; the label column is then ignored and need not
    ///   exist.
    /// - Throws: 65 where a column is not in the file, or no row is left.
    public func dataset(
        _ source: CSVSource, rows: [Int]? = nil, withLabel: Bool = true
    ) throws -> TableDataset {
        try TableDataset(self, source: source, rows: rows, withLabel: withLabel)
    }
}
