import DataPipeline
import Diagnostics
import Graphs
import Recipes

/// Pairs of lines, of which one translates the other: those that train, then those that validate and test.
public struct ParallelRows: RowSource {
    /// Two files and which rows their lines are.
    struct Pair {
        let source: TextLines
        let target: TextLines
        let rows: Range<Int>
    }

    let pairs: [Pair]
    private let hasValidation: Bool
    private let part: ParallelPart

    /// Opens the files.
    /// - Throws: `LockstepError` (65) for a file that is missing or empty, or two of different numbers of lines.
    init(_ data: DataPart, _ part: ParallelPart) throws {
        var pairs: [Pair] = []
        for paths in [data.paths, part.validationPaths, part.testPaths].compactMap({ $0 }) {
            let (source, target) = (try TextLines(path: paths[0]), try TextLines(path: paths[1]))
            guard source.count == target.count else {
                throw LockstepError(
                    .badData,
                    "\(paths[1]) has \(target.count) lines for \(source.count) of \(paths[0])",
                    at: target.location(ofLine: min(source.count, target.count)),
                    remedy: "line N of one file has to be the translation of line N of the other")
            }
            let first = pairs.last?.rows.upperBound ?? 0
            pairs.append(Pair(source: source, target: target, rows: first..<(first + source.count)))
        }
        (self.pairs, hasValidation, self.part) = (pairs, part.validationPaths != nil, part)
    }

    /// The number of pairs of lines.
    public var rowCount: Int { pairs.last?.rows.upperBound ?? 0 }
    /// The rows of each pair of files.
    public var fileRows: [Range<Int>] { pairs.map(\.rows) }
    /// Of all bytes of the files.
    public var fingerprint: UInt64 {
        pairs.flatMap { [$0.source, $0.target] }.reduce(UInt64(pairs.count)) {
            ($0 << 7 | $0 >> 57) ^ $1.fingerprint
        }
    }

    /// Lines have no classes.
    public func classes() throws -> [Int32] { Array(repeating: 0, count: rowCount) }

    /// Each pair of files is a split.
    public func split(_ part: DataPart) throws -> DataSplit {
        let test = hasValidation ? 2 : 1
        return DataSplit(
            train: Array(pairs[0].rows), validation: hasValidation ? Array(pairs[1].rows) : [],
            test: pairs.count > test ? Array(pairs[test].rows) : [])
    }

    /// Trains byte pairs of both languages on the training lines.
    public func fit(_ recipe: Recipe, rows: [Int]) throws -> FittedData {
        let tokenizer = try ByteLevelTokenizer.train(
            vocabularySize: part.vocabularySize, addedTokens: FittedParallel.addedTokens
        ) { take in
            for text in [pairs[0].source, pairs[0].target] {
                for line in 0..<text.count { try text.withBytes(ofLine: line, take) }
            }
        }
        return .parallel(FittedParallel(tokenizer: tokenizer, length: part.maximumLength))
    }

    /// A row's two lines.
    public func lines(ofRow row: Int) -> (source: String, target: String) {
        let pair = pairs.first { $0.rows.contains(row) } ?? pairs[0]
        return (pair.source[row - pair.rows.lowerBound], pair.target[row - pair.rows.lowerBound])
    }

    /// Where token files are kept.
    var cacheFolder: String { part.cacheFolder ?? CacheFolder.standard }
}

/// What training learned about two languages: their tokens.
public struct FittedParallel: FittedFormat {
    /// The tokenizer of both.
    public var tokenizer: ByteLevelTokenizer
    /// The most tokens of a line, its end counted.
    public var length: Int

    /// Tokens that fill, begin and end lines; they have the first identifiers.
    static let addedTokens = ["<pad>", "<s>", "</s>"]
    /// Their identifiers, and the target that the loss leaves out.
    public static let frame = ParallelText.Tokens(begin: 1, end: 2, padding: 0, ignored: -100)

    /// `source` and `inputs`.
    public var inputs: [ModelTrace.Field] {
        ["source", "inputs"].map { .init($0, [length], .int32) }
    }
    /// `targets`, each the token after.
    public var labelField: ModelTrace.Field { .init("targets", [length], .int32) }
    /// What fills short lines.
    public var ignoredLabel: Int? { Int(Self.frame.ignored) }
    /// None.
    public var classCount: Int? { nil }
    /// None.
    public var classNames: [String] { [] }
    /// The vocabulary.
    public var tokens: TokenInput? {
        TokenInput(
            identifierCount: tokenizer.identifierCount, paddingID: Int(Self.frame.padding), length: length)
    }
    /// Too long.
    public var leftOutReason: String {
        "are longer than \(length) tokens and are left out (data.maximumLength)"
    }

    /// Pairs that are short enough; the rows have to be of one split.
    public func samples(_ source: ParallelRows, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        let rows = rows ?? Array(source.pairs[0].rows)
        guard let first = rows.first, let pair = source.pairs.first(where: { $0.rows.contains(first) }),
            rows.allSatisfy(pair.rows.contains)
        else { throw LockstepError(.internalError, "lines of several splits are asked for at once") }
        func file(_ text: TextLines) throws -> TokenFile {
            try TokenFile(
                of: [text.path], tokenizer: tokenizer, documents: .lines, folder: source.cacheFolder)
        }
        let text = try ParallelText(
            source: try file(pair.source), target: try file(pair.target), sourceLength: length,
            targetLength: length, tokens: Self.frame)
        let kept = rows.filter { text.lengths[$0 - pair.rows.lowerBound] <= length }
        guard !kept.isEmpty else {
            throw LockstepError(
                .badData, "all lines have more than \(length) tokens", at: FileLocation(pair.source.path),
                remedy: "make data.maximumLength longer")
        }
        return Samples(SubsetDataset(text, indices: kept.map { $0 - pair.rows.lowerBound }), rows: kept)
    }
}
