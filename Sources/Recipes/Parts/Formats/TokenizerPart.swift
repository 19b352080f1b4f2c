/// How texts become sequences of tokens; its keys stand directly in the group `data`.
public struct TokenizerPart: Sendable, Equatable {
    /// What tokens are.
    public enum Tokenizer: String, Sendable, CaseIterable {
        /// Whole words, numbered by falling count.
        case words
        /// Byte pairs, as GPT-2's, learned from the training rows.
        case bpe
        /// Pieces of words, as BERT's, learned from the training rows.
        case wordPiece
    }

    /// The end of a text that is cut off when it is too long.
    public enum Truncate: String, Sendable, CaseIterable {
        /// The beginning is cut off.
        case head
        /// The end is cut off.
        case tail
    }

    /// The side on which a short text is filled up.
    public enum Pad: String, Sendable, CaseIterable {
        /// Before the text.
        case left
        /// After the text.
        case right
    }

    /// What tokens are.
    public var tokenizer: Tokenizer
    /// The number of token ids, padding and out-of-vocabulary included.
    public var vocabularySize: Int
    /// A word seen less often in the training rows is out of vocabulary; a pair seen less often is not joined.
    public var minimumCount: Int
    /// The number of tokens a text is cut or filled up to.
    public var maximumLength: Int
    /// Whether words are lower-cased.
    public var lowercase: Bool
    /// The end that is cut off.
    public var truncate: Truncate
    /// The side that is filled up.
    public var pad: Pad
    /// The probability with which a token is hidden while training, anew in every epoch.
    public var tokenDropout: Double
    /// Whether batches hold texts of like length, and which.
    public var lengthBuckets: LengthBucketsPart?
    /// The absolute path of the folder where the tokens of texts are kept that do not fit memory; nil for the user's cache
    /// folder.
    public var cacheFolder: String?

    /// Creates the part.
    public init(
        tokenizer: Tokenizer = .words, vocabularySize: Int = 10_000, minimumCount: Int = 2,
        maximumLength: Int = 256, lowercase: Bool = true, truncate: Truncate = .tail, pad: Pad = .right,
        tokenDropout: Double = 0, lengthBuckets: LengthBucketsPart? = nil, cacheFolder: String? = nil
    ) {
        self.tokenizer = tokenizer
        self.vocabularySize = vocabularySize
        self.minimumCount = minimumCount
        self.maximumLength = maximumLength
        self.lowercase = lowercase
        self.truncate = truncate
        self.pad = pad
        self.tokenDropout = tokenDropout
        self.lengthBuckets = lengthBuckets
        self.cacheFolder = cacheFolder
    }
}

extension TokenizerPart {
    init(_ reader: RecipeReader) throws {
        tokenizer = try reader.choice("tokenizer", default: .words)
        let smallest = [Tokenizer.words: 3, .bpe: 261, .wordPiece: 7][tokenizer] ?? 3
        vocabularySize = try reader.integer("vocabularySize", in: smallest...10_000_000, default: 10_000)
        minimumCount = try reader.integer("minimumCount", in: 1...1_000_000, default: 2)
        maximumLength = try reader.integer(
            "maximumLength", in: (tokenizer == .words ? 1 : 2)...1_000_000, default: 256)
        lowercase = try reader.flag("lowercase", default: true)
        truncate = try reader.choice("truncate", default: .tail)
        pad = try reader.choice("pad", default: .right)
        tokenDropout = try reader.number("tokenDropout", .below(0, 1), default: 0)
        lengthBuckets = try LengthBucketsPart.read(reader, maximumLength: maximumLength)
        if lengthBuckets != nil, pad == .left {
            throw reader.failure(
                "lengthBuckets", "does not go with data.pad: left: texts are shortened at their end",
                remedy: "write data.pad: right")
        }
        cacheFolder = try reader.optionalPath("cacheFolder")
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("tokenizer", tokenizer.rawValue)
        keys.add("vocabularySize", vocabularySize)
        keys.add("minimumCount", minimumCount)
        keys.add("maximumLength", maximumLength)
        keys.add("lowercase", lowercase)
        keys.add("truncate", truncate.rawValue)
        keys.add("pad", pad.rawValue)
        keys.add("tokenDropout", tokenDropout)
        LengthBucketsPart.flatten(lengthBuckets, into: &keys)
        keys.add("cacheFolder", cacheFolder)
    }
}
