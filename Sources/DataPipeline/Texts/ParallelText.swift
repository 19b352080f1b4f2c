import Diagnostics

/// Two token files whose lines are translations of one another, for encoder-decoder models.
///
/// Fields, all int32: `source` [sourceLength], a line and the end token; `inputs` [targetLength], the begin token and its
/// translation; `targets` [targetLength], the translation and the end token. They are filled up with the padding token,
/// `targets` with the ignored one. What is too long is cut, and its end token kept.
public struct ParallelText: Dataset {
    /// The tokens that frame and fill lines.
    public struct Tokens: Codable, Sendable, Equatable {
        /// Begins what a decoder reads.
        public var begin: Int32
        /// Ends a line.
        public var end: Int32
        /// Fills what a model reads.
        public var padding: Int32
        /// Fills what a model shall foretell: the target that the loss leaves out.
        public var ignored: Int32

        /// Describes the tokens.
        public init(begin: Int32, end: Int32, padding: Int32, ignored: Int32) {
            (self.begin, self.end, self.padding, self.ignored) = (begin, end, padding, ignored)
        }
    }

    /// The number of pairs.
    public var count: Int { source.documentCount }
    /// `source`, `inputs` and `targets`.
    public let fields: [FieldSpec]
    /// False: tokens are widened on demand.
    public var isResident: Bool { false }
    /// Pairs of which a side is cut.
    public let cutCount: Int
    /// Of each pair the tokens of its longer side, its end counted: what ``LengthBuckets`` sorts by.
    public let lengths: [Int]

    private let source: TokenFile
    private let target: TokenFile
    private let sequences: [TokenSequence]

    /// Pairs line N of one file with line N of the other; both are token files whose documents are lines, without
    /// tokens that end documents.
    /// - Throws: 65 where the numbers of lines differ; 2 for lengths below 2.
    public init(
        source: TokenFile, target: TokenFile, sourceLength: Int, targetLength: Int, tokens: Tokens
    ) throws {
        guard source.documentCount == target.documentCount else {
            throw LockstepError(
                .badData,
                "\(source.documentCount) lines of source stand beside \(target.documentCount) lines of target",
                remedy: "line N of one file has to be the translation of line N of the other")
        }
        guard (2...(1 << 24)).contains(sourceLength), (2...(1 << 24)).contains(targetLength) else {
            throw LockstepError(
                .usage, "pairs cannot have \(sourceLength) and \(targetLength) tokens",
                remedy: "use at least 2")
        }
        lengths = (0..<source.documentCount).map {
            max(source.range(ofDocument: $0).count, target.range(ofDocument: $0).count) + 1
        }
        cutCount = (0..<source.documentCount).reduce(0) {
            let isCut =
                source.range(ofDocument: $1).count >= sourceLength
                || target.range(ofDocument: $1).count >= targetLength
            return $0 + (isCut ? 1 : 0)
        }
        fields = [("source", sourceLength), ("inputs", targetLength), ("targets", targetLength)].map {
            FieldSpec(name: $0.0, sampleShape: [$0.1], element: .int32)
        }
        sequences = [
            TokenSequence(length: sourceLength, last: tokens.end, filler: tokens.padding),
            TokenSequence(length: targetLength, first: tokens.begin, filler: tokens.padding),
            TokenSequence(length: targetLength, last: tokens.end, filler: tokens.ignored),
        ]
        (self.source, self.target) = (source, target)
    }

    /// Writes one field of a pair.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        sequences[field].write(
            field == 0 ? source : target, document: index, to: destination.assumingMemoryBound(to: Int32.self)
        )
    }

    /// `line N`.
    public func describe(sample index: Int) -> String { "line \(index + 1)" }
}
