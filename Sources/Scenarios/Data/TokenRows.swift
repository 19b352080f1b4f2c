import DataPipeline
import Diagnostics
import Graphs
import Recipes

/// A running text. Its rows are its parts: training, then validation and test where there are such.
public struct TokenRows: RowSource {
    /// The files of training and validation, and of a test by fractions.
    let paths: [String]
    /// The test's own file.
    let testPath: String?
    private let texts: [TextLines]
    private let data: DataPart
    private let part: TokensPart

    /// Opens the files.
    /// - Throws: `LockstepError` (65) for a file that is missing or empty.
    init(_ data: DataPart, _ part: TokensPart) throws {
        (paths, testPath, self.data, self.part) = (data.paths, data.testPath, data, part)
        texts = try (data.paths + (data.testPath.map { [$0] } ?? [])).map { try TextLines(path: $0) }
    }

    /// The parts.
    public var rowCount: Int { bounds.count }
    /// All of them.
    public var fileRows: [Range<Int>] { [0..<rowCount] }
    /// Of all bytes of the files.
    public var fingerprint: UInt64 {
        texts.reduce(UInt64(texts.count)) { ($0 << 7 | $0 >> 57) ^ $1.fingerprint }
    }

    /// A text has no classes.
    public func classes() throws -> [Int32] { Array(repeating: 0, count: rowCount) }

    /// Training is part 0, then come validation and test.
    public func split(_ part: DataPart) throws -> DataSplit {
        let test = part.hasValidation ? 2 : 1
        return DataSplit(
            train: [0], validation: part.hasValidation ? [1] : [], test: part.hasTest ? [test] : [])
    }

    /// Collects the characters of the text, or trains byte pairs on its first part.
    public func fit(_ recipe: Recipe, rows: [Int]) throws -> FittedData {
        .tokens(FittedTokens(tokenizer: try tokenizer(), context: part.context, stride: part.stride))
    }

    /// Characters are those of all of the text: one that only validation has cannot be learned, but has to have a
    /// number.
    private func tokenizer() throws -> AnyTokenizer {
        switch (part.tokenizer, part.tokenizerPath) {
        case (.character, _):
            return .character(
                try CharacterTokenizer { take in for text in texts { try text.withAllBytes(take) } })
        case (.bpe, let path?):
            return .bytePair(try ByteLevelTokenizer(tokenizerJSON: path))
        case (.bpe, nil):
            let trained = try ByteLevelTokenizer.train(vocabularySize: part.vocabularySize) { take in
                var left = Int(Double(ownTexts.reduce(0) { $0 + $1.byteCount }) * bounds[0])
                for text in ownTexts where left > 0 {
                    try text.withAllBytes {
                        try take(UnsafeBufferPointer(rebasing: $0.prefix(left)))
                        left -= $0.count
                    }
                }
            }
            return .bytePair(trained)
        }
    }

    /// The texts that are cut.
    private var ownTexts: ArraySlice<TextLines> { texts.prefix(paths.count) }

    /// Where the parts end, as shares of the text; the test's own file is a whole.
    private var bounds: [Double] {
        let split = data.split
        guard split.kind == .files else {
            let ends = [split.trainFraction, split.trainFraction + split.validationFraction, 1]
            return [ends[0]] + (data.hasValidation ? [ends[1]] : []) + (data.hasTest ? [1] : [])
        }
        return [1 - split.validationFraction] + (data.hasValidation ? [1] : []) + [1]
    }

    /// The tokens of a part: their file, made where it is missing, and their place in it.
    func tokens(ofPart row: Int, _ tokenizer: AnyTokenizer) throws -> (file: TokenFile, range: Range<Int>) {
        let folder = part.cacheFolder ?? CacheFolder.standard
        if let testPath, row == bounds.count - 1 {
            let file = try tokenizer.file(of: [testPath], folder: folder)
            return (file, 0..<file.count)
        }
        let file = try tokenizer.file(of: paths, folder: folder)
        func place(_ share: Double) -> Int { share >= 1 ? file.count : Int(Double(file.count) * share) }
        return (file, (row == 0 ? 0 : place(bounds[row - 1]))..<place(bounds[row]))
    }
}

/// What training learned about a running text: what its tokens are.
public struct FittedTokens: FittedFormat {
    /// What tokens are.
    public var tokenizer: AnyTokenizer
    /// Tokens of a sample.
    public var context: Int
    /// From the start of one training sample to the next one's.
    public var stride: Int

    /// The target that the loss leaves out.
    static let ignoredTarget: Int32 = -100

    /// `tokens`.
    public var inputs: [ModelTrace.Field] { [.init("tokens", [context], .int32)] }
    /// `targets`, each the token after.
    public var labelField: ModelTrace.Field { .init("targets", [context], .int32) }
    /// What fills the last window of an evaluation.
    public var ignoredLabel: Int? { Int(Self.ignoredTarget) }
    /// None.
    public var classCount: Int? { nil }
    /// None.
    public var classNames: [String] { [] }
    /// The vocabulary.
    public var tokens: TokenInput? {
        TokenInput(identifierCount: tokenizer.identifierCount, paddingID: nil, length: context)
    }

    /// Windows of the parts: for training a stride apart, else one after the other, so that each token is
    /// foretold once.
    public func samples(_ source: TokenRows, rows: [Int]?, for purpose: SamplePurpose) throws -> Samples {
        guard let row = (rows ?? [0]).first else {
            throw LockstepError(.badData, "there is no part of the text to take samples from")
        }
        let (file, range) = try source.tokens(ofPart: row, tokenizer)
        let windows =
            switch purpose {
            case .training: try TokenWindows(file, range: range, length: context, stride: stride)
            case .evaluation, .prediction:
                try TokenWindows(file, range: range, length: context, ignoredTarget: Self.ignoredTarget)
            }
        // Windows are no rows: a row is a part of the text.
        return Samples(windows, rows: [])
    }
}

/// A tokenizer that checkpoints keep.
public enum AnyTokenizer: Codable, Sendable, Equatable {
    /// A token is a character.
    case character(CharacterTokenizer)
    /// A token is a piece of a word.
    case bytePair(ByteLevelTokenizer)

    /// The tokenizer.
    public var tokenizer: any TextTokenizer {
        switch self {
        case .character(let tokenizer): tokenizer
        case .bytePair(let tokenizer): tokenizer
        }
    }

    /// Token ids.
    public var identifierCount: Int { tokenizer.identifierCount }

    /// The token `<|endoftext|>`, where there is one.
    public var endOfText: Int32? {
        guard case .bytePair(let tokenizer) = self else { return nil }
        return tokenizer.addedTokens.first { $0.content == "<|endoftext|>" }?.identifier
    }

    /// The tokens of texts.
    func file(of paths: [String], folder: String) throws -> TokenFile {
        switch self {
        case .character(let tokenizer): try TokenFile(of: paths, tokenizer: tokenizer, folder: folder)
        case .bytePair(let tokenizer): try TokenFile(of: paths, tokenizer: tokenizer, folder: folder)
        }
    }
}
