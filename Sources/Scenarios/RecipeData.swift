import DataPipeline
import Diagnostics
import Recipes

/// The data of a recipe: its files opened, its rows split, its columns fitted or taken from a checkpoint.
public struct RecipeData: Sendable {
    /// The rows of all files.
    public let source: CSVSource
    /// Which rows train, validate and test.
    public let split: DataSplit
    /// What was fitted to the training rows.
    public let fitted: FittedData
    private let residentLimit: Int

    /// Opens, splits and, unless given, fits.
    /// - Parameter fitted: what rank 0 or a checkpoint holds; `nil` fits the training rows.
    /// - Throws: `LockstepError` with the file and line.
    public init(_ recipe: Recipe, fitted: FittedData? = nil) throws {
        let part = recipe.data
        let source = try CSVSource(
            paths: part.paths + (part.testPath.map { [$0] } ?? []), dialect: try part.dialect)
        self.source = source
        split = try RecipeSplit(part, source: source).rows()
        self.fitted = try fitted ?? Self.fit(recipe, source: source, rows: split.train)
        residentLimit = part.residentLimitBytes
    }

    /// The samples of a split, held in memory when they fit the recipe's limit.
    /// - Throws: `LockstepError` (65) when the split has no rows.
    public func dataset(_ split: CoordinatorPart.Split) throws -> any Dataset {
        let rows = rows(split)
        guard !rows.isEmpty else {
            throw LockstepError(
                .badData, "the \(split.rawValue) split has no rows",
                remedy: "give it rows with data.split.\(split.rawValue), or use another split")
        }
        return try fitted.dataset(source, rows: rows).dataset.resident(upTo: residentLimit)
    }

    /// What to tell the user of rows of a split that `data.missing: drop` leaves out; nil when there are none.
    public func leftOutWarning(_ split: CoordinatorPart.Split, sampleCount: Int) -> String? {
        let all = rows(split).count
        guard sampleCount < all else { return nil }
        return
            "\(all - sampleCount) of \(all) \(split.rawValue) rows have missing values and are left out (data.missing)"
    }

    /// The rows of a split.
    public func rows(_ split: CoordinatorPart.Split) -> [Int] {
        switch split {
        case .train: self.split.train
        case .validation: self.split.validation
        case .test: self.split.test
        }
    }

    private static func fit(_ recipe: Recipe, source: CSVSource, rows: [Int]) throws -> FittedData {
        let part = recipe.data
        let names = try part.classNames.map { try $0.resolved() }
        let kind: DataPipeline.LabelKind =
            recipe.labelKind == .number ? .number : .classes(names: names)
        let label = part.label.column
        let fitted: FittedData
        if let text = part.text {
            let options = WordTokenizerOptions(
                vocabularySize: text.vocabularySize, minimumCount: text.minimumCount,
                sequenceLength: text.maximumLength, lowercases: text.lowercase,
                truncationSide: text.truncate == .head ? .head : .tail,
                paddingSide: text.pad == .left ? .left : .right)
            let schema = TextSchema(
                text: text.columns.map(\.column), label: label, labelKind: kind, tokenizer: options)
            fitted = .text(try schema.fit(source, rows: rows))
        } else {
            let table = part.table ?? TablePart()
            let schema = TableSchema(
                features: table.features?.map(\.column), drop: table.drop.map(\.column),
                categorical: table.categorical.map(\.column), label: label, labelKind: kind,
                missing: MissingValues(policy: table.missing.policy, tokens: Set(table.missingValues)),
                scaling: table.scale.scaling)
            fitted = .table(try schema.fit(source, rows: rows))
        }
        try check(fitted.label, names: names, task: recipe.task, source: source)
        return fitted
    }

    /// Two classes for a binary task, and names that do not swap classes.
    private static func check(
        _ label: FittedLabel, names: [String]?, task: Recipe.TaskKind, source: CSVSource
    ) throws {
        guard case .classes(let values, _) = label.kind else { return }
        let place = FileLocation(source.files[0].path)
        if task == .binaryClassification, values.count != 2 {
            throw LockstepError(
                .badData,
                "a binary task has two classes, the label column has \(values.count): "
                    + values.prefix(10).joined(separator: ", "), at: place,
                remedy: "use task: classification, or check data.label")
        }
        if let names { try check(names, against: values, place) }
    }

    /// Names may be other texts than the labels, but not some of them, and not the labels in another order: either
    /// would call a class by another's name.
    private static func check(_ names: [String], against values: [String], _ place: FileLocation) throws {
        guard names != values else { return }
        let shared = Set(names).intersection(values)
        let numbered = "list them as: " + values.joined(separator: ", ")
        if shared.count == values.count {
            throw LockstepError(
                .usage, "data.classNames lists the classes in another order than they are numbered in",
                at: place, remedy: numbered)
        }
        if !shared.isEmpty {
            let missing = values.filter { !shared.contains($0) }.joined(separator: ", ")
            throw LockstepError(
                .badData, "data.classNames has some of the labels but not: \(missing)", at: place,
                remedy: numbered + "; or give every class a new name")
        }
    }
}

/// The rows of each split, as a recipe says.
private struct RecipeSplit {
    let part: DataPart
    let source: CSVSource

    init(_ part: DataPart, source: CSVSource) {
        self.part = part
        self.source = source
    }

    func rows() throws -> DataSplit {
        if let fold = part.fold { return try self.fold(fold) }
        switch part.split.kind {
        case .fractions:
            return try Splits.byFraction(
                rowCount: source.rowCount, train: part.split.trainFraction,
                validation: part.split.validationFraction, test: part.split.testFraction,
                seed: part.split.seed,
                groups: try groups())
        case .ranges:
            return try Splits.byRange(
                rowCount: source.rowCount, train: part.split.trainRange,
                validation: part.split.validationRange,
                test: part.split.testRange)
        case .files:
            let last = source.files.count - 1
            let files = try Splits.byFile(source, train: Array(0..<last), test: [last])
            return try withValidation(files, fraction: part.split.validationFraction)
        }
    }

    /// The held-out fold tests; a part of the others validates.
    private func fold(_ fold: Fold) throws -> DataSplit {
        let split = try Splits.fold(
            fold.number, of: fold.count, rowCount: source.rowCount, seed: part.split.seed,
            groups: try groups())
        let held = DataSplit(train: split.train, test: split.validation)
        return try withValidation(held, fraction: part.validationFraction)
    }

    private func withValidation(_ split: DataSplit, fraction: Double) throws -> DataSplit {
        guard fraction > 0 else { return split }
        let classes = try groups()
        let inner = try Splits.byFraction(
            rowCount: split.train.count, train: 1 - fraction, validation: fraction, seed: part.split.seed,
            groups: classes.map { classes in split.train.map { classes[$0] } })
        return DataSplit(
            train: inner.train.map { split.train[$0] }, validation: inner.validation.map { split.train[$0] },
            test: split.test)
    }

    /// The class of every row, for stratified cuts.
    private func groups() throws -> [Int32]? {
        part.split.stratify ? try source.groups(byColumn: part.label.column) : nil
    }
}

extension DataPart {
    /// How the files of a recipe, and files to predict, are written.
    /// - Throws: `LockstepError` (2) for an impossible delimiter.
    public var dialect: CSVDialect {
        get throws { CSVDialect(delimiter: try CSVDialect.delimiter(named: delimiter), hasHeader: header) }
    }
}

extension Recipes.ColumnReference {
    var column: DataPipeline.ColumnReference {
        switch self {
        case .name(let name): .name(name)
        case .index(let index): .index(index)
        }
    }
}

extension TablePart.Missing {
    var policy: MissingValues.Policy {
        switch self {
        case .drop: .drop
        case .mean: .mean
        case .median: .median
        case .mostFrequent: .mostFrequent
        }
    }
}

extension TablePart.Scale {
    var scaling: Scaling {
        switch self {
        case .none: .none
        case .standard: .standard
        case .minMax: .minMax
        }
    }
}
