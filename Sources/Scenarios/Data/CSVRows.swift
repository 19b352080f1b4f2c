import DataPipeline
import Diagnostics
import Graphs
import Recipes

/// The rows of CSV files: tables and texts.
public struct CSVRows: RowSource {
    /// The files.
    public let csv: CSVSource
    private let part: CSVPart
    private let onBadSample: DataPart.BadSamples

    /// Opens files of equal columns.
    /// - Throws: `LockstepError` with the file and line of what is no CSV.
    init(paths: [String], _ part: CSVPart, onBadSample: DataPart.BadSamples) throws {
        let delimiter = try CSVDialect.delimiter(named: part.delimiter)
        csv = try CSVSource(
            paths: paths,
            dialect: CSVDialect(
                delimiter: delimiter, hasHeader: part.header, skipsBadRows: onBadSample == .skip))
        (self.part, self.onBadSample) = (part, onBadSample)
    }

    /// The number of rows.
    public var rowCount: Int { csv.rowCount }
    /// The rows of each file.
    public var fileRows: [Range<Int>] { csv.files.indices.map(csv.rows(ofFile:)) }
    /// Of all bytes of the files.
    public var fingerprint: UInt64 { csv.fingerprint }

    /// Rows that are not UTF-8, or have another number of fields.
    public var warnings: [String] {
        LeftOut.warning(
            csv.files.flatMap(\.skippedPlaces), of: csv.rowCount,
            "rows are not UTF-8, or have another number of fields,")
    }
    /// The row's number in its file, or in all of several files.
    public func name(ofRow row: Int) -> String {
        String(csv.files.count == 1 ? csv.files[0].number(ofRow: row) : row)
    }

    /// By the text of the label.
    public func classes() throws -> [Int32] { try csv.groups(byColumn: part.label.column) }

    /// Fits columns, or words, and classes.
    public func fit(_ recipe: Recipe, rows: [Int]) throws -> FittedData {
        let names = try recipe.data.classNames.map { try $0.resolved() }
        let kind: DataPipeline.LabelKind =
            recipe.labelKind == .number ? .number : .classes(names: names)
        let rows =
            onBadSample == .skip ? try csv.rows(rows, withLabel: part.label.column, kind: kind) : rows
        let (fitted, label): (FittedData, FittedLabel)
        switch recipe.data.content {
        case .table(let part):
            let table = try part.schema(label: kind).fit(csv, rows: rows)
            (fitted, label) = (.table(table), table.label)
        case .text(let part):
            let text = try part.schema(label: kind).fit(csv, rows: rows)
            (fitted, label) = (.text(text), text.label)
        default:
            throw LockstepError(.internalError, "\(recipe.data.format.rawValue) is no format of CSV files")
        }
        if case .classes(let values, _) = label.kind {
            let check = ClassCheck(values, place: FileLocation(csv.files[0].path))
            try check.check(recipe.task, names: names)
        }
        return fitted
    }

    /// The rows to encode: without those whose label is missing or unknown, where the recipe skips them.
    func usable(
        _ rows: [Int]?, _ label: FittedLabel, trainedColumnCount: Int, for purpose: SamplePurpose
    ) throws -> [Int]? {
        guard onBadSample == .skip, purpose.hasLabels else { return rows }
        return try label.knownRows(
            rows ?? Array(0..<rowCount), in: csv, trainedColumnCount: trainedColumnCount)
    }
}

extension FittedLabel {
    /// The label as a field of a sample.
    var traceField: ModelTrace.Field { .init("label", [], kind == .number ? .float32 : .int32) }
}

extension FittedTable: FittedFormat {
    /// `features`.
    public var inputs: [ModelTrace.Field] { [.init("features", [featureCount])] }
    /// A class or a number.
    public var labelField: ModelTrace.Field { label.traceField }
    /// Classes of the label's column.
    public var classCount: Int? { label.classCount }
    /// Their names.
    public var classNames: [String] { label.classNames }
    /// Numbers are.
    public var decodesText: Bool { true }
    /// Missing values.
    public var leftOutReason: String { "have missing values and are left out (data.missing)" }

    /// Encodes rows.
    public func samples(_ source: CSVRows, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        let rows = try source.usable(rows, label, trainedColumnCount: trainedColumnCount, for: purpose)
        let dataset = try dataset(source.csv, rows: rows, withLabel: purpose.hasLabels)
        return Samples(dataset, rows: dataset.rows)
    }
}

extension FittedText: FittedFormat {
    /// `tokens`.
    public var inputs: [ModelTrace.Field] { [tokenizer.field] }
    /// A class or a number.
    public var labelField: ModelTrace.Field { label.traceField }
    /// Classes of the label's column.
    public var classCount: Int? { label.classCount }
    /// Their names.
    public var classNames: [String] { label.classNames }
    /// The vocabulary.
    public var tokens: TokenInput? { tokenizer.input }
    /// Words are.
    public var decodesText: Bool { true }
    /// Labels.
    public var leftOutReason: String {
        "have no label, or one that the training rows lack, and are left out (data.onBadSample)"
    }

    /// Encodes texts as if they stood in the text's columns.
    public func samples(texts: [String]) throws -> Samples { try tokenizer.samples(texts) }

    /// Encodes rows.
    public func samples(_ source: CSVRows, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        let rows = try source.usable(rows, label, trainedColumnCount: trainedColumnCount, for: purpose)
        let dataset = try dataset(source.csv, rows: rows, withLabel: purpose.hasLabels)
        return Samples(dataset, rows: dataset.rows)
    }
}

extension SequenceTokenizer {
    /// The field of a sample's tokens.
    var field: ModelTrace.Field { .init("tokens", [length], .int32) }
    /// What models need to know of them.
    var input: TokenInput {
        // Pieces have a mask of their own, their fifth special token; words hide behind what is out of vocabulary.
        let masking =
            switch self {
            case .words: TokenInput.Masking(mask: 1, firstOrdinary: 2)
            case .pieces: TokenInput.Masking(mask: 4, firstOrdinary: 5)
            }
        return TokenInput(
            identifierCount: identifierCount, paddingID: Int(paddingID), length: length, masking: masking)
    }

    /// Texts as samples without labels.
    func samples(_ texts: [String]) throws -> Samples {
        var tokens = [Int32](repeating: 0, count: texts.count * length)
        try tokens.withUnsafeMutableBufferPointer { buffer in
            for (number, text) in texts.enumerated() {
                var text = text
                try text.withUTF8 { try encode([$0], to: buffer.baseAddress! + number * length) }
            }
        }
        return Samples(
            try ArrayDataset([("tokens", [length], .int32(tokens))]), rows: Array(texts.indices))
    }
}

extension TablePart {
    /// The schema of the columns.
    func schema(label: DataPipeline.LabelKind) -> TableSchema {
        TableSchema(
            features: features?.map(\.column), drop: drop.map(\.column),
            categorical: categorical.map(\.column), label: csv.label.column, labelKind: label,
            missing: MissingValues(policy: missing.policy, tokens: Set(missingValues)),
            scaling: scale.scaling)
    }
}

extension TextPart {
    /// The schema of the columns.
    func schema(label: DataPipeline.LabelKind) -> TextSchema {
        TextSchema(
            text: columns.map(\.column), label: csv.label.column, labelKind: label,
            tokenizer: tokenizer.options, tokenKind: tokenizer.kind)
    }
}

extension TokenizerPart {
    /// What tokens are.
    var kind: TokenKind {
        switch tokenizer {
        case .words: .words
        case .bpe: .bytePairs
        case .wordPiece: .wordPieces
        }
    }

    /// What tokenizers take.
    var options: WordTokenizerOptions {
        WordTokenizerOptions(
            vocabularySize: vocabularySize, minimumCount: minimumCount, sequenceLength: maximumLength,
            lowercases: lowercase, truncationSide: truncate == .head ? .head : .tail,
            paddingSide: pad == .left ? .left : .right)
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
