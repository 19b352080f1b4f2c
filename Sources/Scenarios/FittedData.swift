import DataPipeline
import Diagnostics
import Foundation
import Graphs

/// What was fitted to the training rows (scales, categories, vocabulary, classes): all that is needed to encode new
/// rows as training did. Kept in every checkpoint as `data.json`.
public enum FittedData: Codable, Sendable, Equatable {
    /// Columns of numbers and categories.
    case table(FittedTable)
    /// Texts as token ids.
    case text(FittedText)

    /// The label's column and classes.
    public var label: FittedLabel {
        switch self {
        case .table(let fitted): fitted.label
        case .text(let fitted): fitted.label
        }
    }

    /// The names of the classes by number; empty for a number.
    public var classNames: [String] { label.classNames }

    /// What the model reads.
    public var input: ModelTrace.Field {
        switch self {
        case .table(let fitted): .init("features", [fitted.featureCount])
        case .text(let fitted):
            .init("tokens", [fitted.tokenizer.options.sequenceLength], .int32)
        }
    }

    /// What the loss compares with.
    public var labelField: ModelTrace.Field {
        .init("label", [], label.kind == .number ? .float32 : .int32)
    }

    /// Encodes rows of a source; all of them by default.
    /// - Parameter withLabel: false for rows to predict, whose file need not have the label's column.
    /// - Returns: the samples, and the row of each.
    public func dataset(
        _ source: CSVSource, rows: [Int]? = nil, withLabel: Bool = true
    ) throws -> (dataset: any Dataset, rows: [Int]) {
        switch self {
        case .table(let fitted):
            let dataset = try fitted.dataset(source, rows: rows, withLabel: withLabel)
            return (dataset, dataset.rows)
        case .text(let fitted):
            let dataset = try fitted.dataset(source, rows: rows, withLabel: withLabel)
            return (dataset, rows ?? Array(0..<source.rowCount))
        }
    }

    /// The JSON that checkpoints keep, keys sorted.
    public func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return Array(try encoder.encode(self))
    }

    /// Reads what ``encoded()`` wrote.
    /// - Throws: `LockstepError` (65) for anything else.
    public init(decoding bytes: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(FittedData.self, from: Data(bytes))
        } catch {
            throw LockstepError(.badData, "data.json of the checkpoint cannot be read", cause: error)
        }
    }
}
