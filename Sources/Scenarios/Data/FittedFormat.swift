import DataPipeline
import Diagnostics
import Graphs

/// What was fitted to the training rows of one format: all that is needed to encode new rows as training did.
public protocol FittedFormat: Codable, Sendable, Equatable {
    /// Where rows of this format come from.
    associatedtype Source: RowSource
    /// What the model reads, in the order of its inputs.
    var inputs: [ModelTrace.Field] { get }
    /// What the loss compares with: one a sample, or of some shape.
    var labelField: ModelTrace.Field { get }
    /// The label that the loss leaves out; nil where all count.
    var ignoredLabel: Int? { get }
    /// The number of classes that a label may be; nil where it is a number.
    var classCount: Int? { get }
    /// The names of the classes by number; empty where there are none.
    var classNames: [String] { get }
    /// What the first input holds, where it is tokens.
    var tokens: TokenInput? { get }
    /// Whether samples are decoded from text, and so are worth keeping where they do not fit memory.
    var decodesText: Bool { get }
    /// Encodes rows of a source; all of them where `rows` is nil.
    /// - Throws: `LockstepError` (65) with the place of a bad row.
    func samples(_ source: Source, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples
    /// Encodes texts that stand in no file, to predict.
    /// - Throws: `LockstepError` (2) where the format reads no texts.
    func samples(texts: [String]) throws -> Samples
    /// Why rows of a split may be left out, for a warning: `have missing values …`.
    var leftOutReason: String { get }
}

extension FittedFormat {
    /// Every label counts.
    public var ignoredLabel: Int? { nil }
    /// The input is no text.
    public var tokens: TokenInput? { nil }
    /// Samples lie in files of tokens or pictures.
    public var decodesText: Bool { false }
    /// In general terms.
    public var leftOutReason: String { "cannot be used and are left out" }

    /// Refuses texts.
    public func samples(texts: [String]) throws -> Samples {
        throw LockstepError(
            .usage, "the model reads \(inputs.map(\.name).joined(separator: " and ")), not texts",
            remedy: "give a file with --input")
    }

    /// Encodes rows of a source that has to be of this format.
    func samples(any source: any RowSource, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        guard let source = source as? Source else {
            throw LockstepError(
                .internalError, "\(type(of: source)) is no source of rows for \(type(of: self))")
        }
        return try samples(source, rows: rows, for: purpose)
    }
}

/// What samples are made for.
public enum SamplePurpose: Sendable, Equatable {
    /// To learn from: varied where the recipe says so, by this seed.
    case training(seed: UInt64)
    /// To be measured, with labels.
    case evaluation
    /// To be predicted: labels are not needed.
    case prediction

    /// Whether samples have labels.
    public var hasLabels: Bool { self != .prediction }
}

/// Encoded rows.
public struct Samples: Sendable {
    /// The samples.
    public var dataset: any Dataset
    /// The row of each.
    public var rows: [Int]

    /// Samples with their rows.
    public init(_ dataset: any Dataset, rows: [Int]) {
        (self.dataset, self.rows) = (dataset, rows)
    }
}

/// What a model needs to know of an input of token ids `[length]`.
public struct TokenInput: Sendable, Equatable {
    /// Ids in use, from 0 on: the rows of an embedding.
    public var identifierCount: Int
    /// The id that fills short texts; nil where all samples are full.
    public var paddingID: Int?
    /// Tokens of a sample.
    public var length: Int
    /// The id that stands for a hidden token, and the first one of an ordinary token; nil where none can be hidden.
    public var masking: Masking?

    /// Which tokens can be hidden, and by what.
    public struct Masking: Sendable, Equatable {
        /// Stands for a hidden token.
        public var mask: Int
        /// Ids below are never hidden.
        public var firstOrdinary: Int

        /// Describes tokens.
        public init(mask: Int, firstOrdinary: Int) {
            (self.mask, self.firstOrdinary) = (mask, firstOrdinary)
        }
    }

    /// Describes an input.
    public init(identifierCount: Int, paddingID: Int?, length: Int, masking: Masking? = nil) {
        (self.identifierCount, self.paddingID, self.length) = (identifierCount, paddingID, length)
        self.masking = masking
    }
}
