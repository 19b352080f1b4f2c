import DataPipeline
import Diagnostics
import Foundation
import Graphs

/// What was fitted to the training rows (scales, categories, vocabulary, classes): all that is needed to encode new
/// rows as training did. Kept in every checkpoint as `data.json`.
public enum FittedData: Codable, Sendable, Equatable {
    /// Columns of numbers and categories.
    case table(FittedTable)
    /// Texts in CSV columns as token ids.
    case text(FittedText)
    /// Lines of text as token ids.
    case lines(FittedLines)
    /// Pictures.
    case images(FittedImages)
    /// A running text as token ids.
    case tokens(FittedTokens)
    /// Texts and their translations as token ids.
    case parallel(FittedParallel)

    /// What the format says of itself.
    public var format: any FittedFormat {
        switch self {
        case .table(let fitted): fitted
        case .text(let fitted): fitted
        case .lines(let fitted): fitted
        case .images(let fitted): fitted
        case .tokens(let fitted): fitted
        case .parallel(let fitted): fitted
        }
    }

    /// The names of the classes by number; empty for a number.
    public var classNames: [String] { format.classNames }
    /// What the model reads, in the order of its inputs.
    public var inputs: [ModelTrace.Field] { format.inputs }
    /// What the loss compares with.
    public var labelField: ModelTrace.Field { format.labelField }

    /// Encodes rows of a source of the same format.
    /// - Parameter rows: nil for all.
    /// - Throws: `LockstepError` (65) with the place of a bad row.
    public func samples(
        _ source: any RowSource, rows: [Int]? = nil, for purpose: SamplePurpose
    ) throws -> Samples {
        try format.samples(any: source, rows: rows, for: purpose)
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

extension FittedData {
    /// The tokenizer of texts or lines.
    private var sequenceTokenizer: SequenceTokenizer? {
        switch self {
        case .text(let fitted): fitted.tokenizer
        case .lines(let fitted): fitted.tokenizer
        default: nil
        }
    }

    /// The same with the tokenizer of other data: that of the run whose embeddings a model begins with, so that its
    /// numbers stand for the same words. Itself where either has none.
    /// - Throws: `LockstepError` (78) for sequences of another length.
    public func withTokenizer(of other: FittedData) throws -> FittedData {
        guard let tokenizer = other.sequenceTokenizer, let own = sequenceTokenizer else { return self }
        guard tokenizer.length == own.length else {
            throw LockstepError(
                .mismatch,
                "the model that training begins with reads \(tokenizer.length) tokens, the recipe \(own.length)",
                remedy: "write data.maximumLength: \(tokenizer.length)")
        }
        switch self {
        case .text(var fitted):
            fitted.tokenizer = tokenizer
            return .text(fitted)
        case .lines(var fitted):
            fitted.tokenizer = tokenizer
            return .lines(fitted)
        default: return self
        }
    }
}
