/// Numbers and categories in CSV columns; its keys stand directly in the group `data`.
public struct TablePart: Sendable, Equatable {
    /// What is done about a cell without a value.
    public enum Missing: String, Sendable, CaseIterable {
        /// The row is left out.
        case drop
        /// The mean of the column's training rows.
        case mean
        /// The median of the column's training rows.
        case median
        /// The value seen most often in the column's training rows.
        case mostFrequent
    }

    /// How numeric columns are scaled; fitted on the training rows only.
    public enum Scale: String, Sendable, CaseIterable {
        /// As they are.
        case none
        /// To mean 0 and deviation 1.
        case standard
        /// To the range from 0 to 1.
        case minMax
    }

    /// How the file is written.
    public var csv: CSVPart
    /// The columns that are fed to the model; nil takes all but the label and ``drop``.
    public var features: [ColumnReference]?
    /// Columns that are left out.
    public var drop: [ColumnReference]
    /// Columns that hold names, not numbers; each becomes one input a name.
    public var categorical: [ColumnReference]
    /// What is done about a cell without a value.
    public var missing: Missing
    /// The texts that count as no value.
    public var missingValues: [String]
    /// How numeric columns are scaled.
    public var scale: Scale
    /// The absolute path of the folder where decoded rows are kept that do not fit memory; nil for the user's cache folder.
    public var cacheFolder: String?

    /// Creates the part.
    public init(
        csv: CSVPart, features: [ColumnReference]? = nil, drop: [ColumnReference] = [],
        categorical: [ColumnReference] = [], missing: Missing = .drop,
        missingValues: [String] = ["", "NA", "?"], scale: Scale = .none,
        cacheFolder: String? = nil
    ) {
        self.csv = csv
        self.features = features
        self.drop = drop
        self.categorical = categorical
        self.missing = missing
        self.missingValues = missingValues
        self.scale = scale
        self.cacheFolder = cacheFolder
    }
}

extension TablePart: FormatPart {
    init(_ reader: RecipeReader) throws {
        csv = try CSVPart(reader)
        features = try reader.columns("features")
        drop = try reader.columns("drop") ?? []
        categorical = try reader.columns("categorical") ?? []
        missing = try reader.choice("missing", default: .drop)
        missingValues = try reader.texts("missingValues") ?? ["", "NA", "?"]
        scale = try reader.choice("scale", default: .none)
        cacheFolder = try reader.optionalPath("cacheFolder")
        if let features {
            guard !features.isEmpty else { throw reader.failure("features", "names no column") }
            guard Set(features).isDisjoint(with: drop) else {
                throw reader.failure("drop", "names a column of data.features")
            }
        }
        try csv.check(
            [("features", features ?? []), ("drop", drop), ("categorical", categorical)], reader)
    }

    func flatten(into keys: inout FlatKeys) {
        csv.flatten(into: &keys)
        if let features {
            keys.add("features", list: features.map(\.canonical))
        } else {
            keys.add("features", nil as Int?)
        }
        keys.add("drop", list: drop.map(\.canonical))
        keys.add("categorical", list: categorical.map(\.canonical))
        keys.add("missing", missing.rawValue)
        keys.add("missingValues", missingValues)
        keys.add("scale", scale.rawValue)
        keys.add("cacheFolder", cacheFolder)
    }
}
