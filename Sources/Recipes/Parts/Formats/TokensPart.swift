/// A running text for a language model; its keys stand directly in the group `data`.
///
/// The files of `data.paths`, one after the other, are one text. `data.split` cuts it, by its tokens, into consecutive
/// parts: first training, then validation, then test; of kind `files`, `data.testPath` is the test's text.
public struct TokensPart: Sendable, Equatable {
    /// What a token is.
    public enum Tokenizer: String, Sendable, CaseIterable {
        /// A character.
        case character
        /// A piece of a word, by byte-pair encoding as GPT-2 has it: trained on the training part, or read from
        /// `data.tokenizerPath`.
        case bpe
    }

    /// What a token is.
    public var tokenizer: Tokenizer
    /// The absolute path of a `tokenizer.json` of GPT-2's kind; nil trains one. Byte pairs only.
    public var tokenizerPath: String?
    /// Token ids of a tokenizer that is trained.
    public var vocabularySize: Int
    /// Tokens of a sample.
    public var context: Int
    /// From the start of one training sample to the next one's, in tokens; 1 lets a sample begin at every token.
    public var stride: Int
    /// The absolute path of the folder of token files; nil for the user's cache folder.
    public var cacheFolder: String?

    /// Creates the part.
    public init(
        tokenizer: Tokenizer = .character, tokenizerPath: String? = nil, vocabularySize: Int = 8_000,
        context: Int = 256, stride: Int = 1, cacheFolder: String? = nil
    ) {
        (self.tokenizer, self.tokenizerPath, self.vocabularySize) = (tokenizer, tokenizerPath, vocabularySize)
        (self.context, self.stride, self.cacheFolder) = (context, stride, cacheFolder)
    }
}

extension TokensPart: FormatPart {
    init(_ reader: RecipeReader) throws {
        self.init()
        tokenizer = try reader.choice("tokenizer", default: .character)
        if tokenizer == .bpe {
            tokenizerPath = try reader.optionalPath("tokenizerPath")
            if tokenizerPath == nil {
                vocabularySize = try reader.integer("vocabularySize", in: 256...1_000_000, default: 8_000)
            }
        }
        context = try reader.integer("context", in: 1...1_000_000, default: 256)
        stride = try reader.integer("stride", in: 1...1_000_000, default: 1)
        cacheFolder = try reader.optionalPath("cacheFolder")
    }

    var sharedKeys: SharedDataKeys { .splits }

    /// A running text is cut into consecutive parts, nothing else.
    func check(_ data: DataPart, _ reader: RecipeReader) throws {
        let split = data.split
        let isPlain = split.seed == 0 && !split.stratify && data.fold == nil && data.classNames == nil
        guard split.kind == .fractions || split.kind == .files, isPlain else {
            throw reader.failure(
                "split", "of a running text is one of consecutive parts",
                remedy:
                    "write data.split: {train: 0.9, validation: 0.1}, or kind: files with data.testPath; no "
                    + "fold, seed, stratify or classNames")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("tokenizer", tokenizer.rawValue)
        if tokenizer == .bpe {
            keys.add("tokenizerPath", tokenizerPath)
            if tokenizerPath == nil { keys.add("vocabularySize", vocabularySize) }
        }
        keys.add("context", context)
        keys.add("stride", stride)
        keys.add("cacheFolder", cacheFolder)
    }
}
