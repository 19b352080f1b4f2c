import Diagnostics

/// How texts become token sequences of one length.
public struct WordTokenizerOptions: Codable, Sendable, Equatable {
    /// The end of a text that is cut off where it is too long.
    public enum TruncationSide: String, Codable, Sendable, CaseIterable {
        /// The beginning is cut off.
        case head
        /// The end is cut off.
        case tail
    }

    /// The side on which a short text is filled up.
    public enum PaddingSide: String, Codable, Sendable, CaseIterable {
        /// Before the first token.
        case left
        /// After the last token.
        case right
    }

    /// Identifiers at most, padding and out-of-vocabulary counted.
    public var vocabularySize: Int
    /// Rarer words of the training split are out of vocabulary.
    public var minimumCount: Int
    /// Tokens of every sample.
    public var sequenceLength: Int
    /// Whether `The` and `the` are one word.
    public var lowercases: Bool
    /// The end that is cut off a longer text.
    public var truncationSide: TruncationSide
    /// The side on which a shorter text is filled up.
    public var paddingSide: PaddingSide

    /// Creates options.
    public init(
        vocabularySize: Int = 10_000, minimumCount: Int = 2, sequenceLength: Int = 256,
        lowercases: Bool = true, truncationSide: TruncationSide = .tail, paddingSide: PaddingSide = .right
    ) {
        self.vocabularySize = vocabularySize
        self.minimumCount = minimumCount
        self.sequenceLength = sequenceLength
        self.lowercases = lowercases
        self.truncationSide = truncationSide
        self.paddingSide = paddingSide
    }

    /// Checks the ranges.
    /// - Throws: 2 for a size or a length that cannot be.
    func validate() throws {
        guard (3...Int(Int32.max)).contains(vocabularySize), minimumCount >= 1,
            (1...(1 << 24)).contains(sequenceLength)
        else {
            throw LockstepError(
                .usage,
                "no tokenizer has \(vocabularySize) identifiers, minimum count \(minimumCount), "
                    + "length \(sequenceLength)",
                remedy: "use at least 3 identifiers, a count of at least 1 and a length from 1 to 16,777,216")
        }
    }
}

/// Splits texts into words and numbers them: 0 is padding, 1 a word out of the vocabulary, then the words of
/// the training split by falling count, equal counts in byte order.
///
/// A word is a longest run of letters, marks and decimal digits of Unicode; all else separates words.
/// The tokenizer is Codable; the whole vocabulary is kept in checkpoints.
public struct WordTokenizer: Codable, Sendable, Equatable {
    /// Fills up short texts.
    public static let paddingID: Int32 = 0
    /// Stands for every word that is not in the vocabulary.
    public static let outOfVocabularyID: Int32 = 1
    /// The first word's identifier.
    static let firstWordID = 2

    /// How texts become sequences.
    public let options: WordTokenizerOptions
    /// The words, the first of which has the identifier 2.
    public let words: [String]
    private let table: WordTable

    /// Identifiers in use, padding and out-of-vocabulary counted: the rows of an embedding.
    public var identifierCount: Int { words.count + Self.firstWordID }

    /// A tokenizer of known words.
    /// - Throws: 65 where a word is listed twice or there are more than the options allow; 2 for bad options.
    public init(words: [String], options: WordTokenizerOptions) throws {
        try options.validate()
        self.words = words
        self.options = options
        table = WordTable(words)
        guard table.count == words.count, words.count <= options.vocabularySize - Self.firstWordID
        else {
            throw LockstepError(.badData, "the vocabulary lists a word twice or is larger than its own size")
        }
    }

    /// Collects the vocabulary from texts, which `visit` hands to its argument one by one, in any order.
    /// - Throws: 65 where no word is frequent enough; what `visit` throws.
    public init(
        options: WordTokenizerOptions,
        visiting visit: ((UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Void
    ) throws {
        try options.validate()
        var counts: [WordBytes: Int] = [:]
        var scanner = WordScanner(lowercases: options.lowercases)
        try visit { bytes in
            scanner.forEachWord(in: bytes) {
                counts[WordBytes(bytes: Array($0)), default: 0] += 1
                return true
            }
        }
        let frequent = counts.filter { $0.value >= options.minimumCount }.sorted {
            $0.value != $1.value ? $0.value > $1.value : $0.key.bytes.lexicographicallyPrecedes($1.key.bytes)
        }
        guard !frequent.isEmpty else {
            throw LockstepError(
                .badData, "no word occurs \(options.minimumCount) times in the training split",
                remedy: "lower the minimum count, or check the text columns")
        }
        try self.init(
            words: frequent.prefix(options.vocabularySize - Self.firstWordID).map {
                String(decoding: $0.key.bytes, as: UTF8.self)
            },
            options: options)
    }

    /// The identifiers of a text, padded and cut to the sequence length.
    public func encode(_ text: String) -> [Int32] {
        var text = text
        return text.withUTF8 { bytes in
            Array(unsafeUninitializedCapacity: options.sequenceLength) { buffer, count in
                count = options.sequenceLength
                if let base = buffer.baseAddress { encode([bytes], to: base) }
            }
        }
    }

    /// Writes the identifiers of several pieces of text, as if joined by a space.
    func encode(_ pieces: [UnsafeBufferPointer<UInt8>], to tokens: UnsafeMutablePointer<Int32>) {
        let length = options.sequenceLength
        var scanner = WordScanner(lowercases: options.lowercases)
        var skipped = 0
        if options.truncationSide == .head {
            var total = 0
            for piece in pieces {
                scanner.forEachWord(in: piece) { _ in
                    total += 1
                    return true
                }
            }
            skipped = max(0, total - length)
        }
        var written = 0
        for piece in pieces where written < length {
            scanner.forEachWord(in: piece) { word in
                if skipped > 0 {
                    skipped -= 1
                    return true
                }
                tokens[written] = table[word].map { Int32($0 + Self.firstWordID) } ?? Self.outOfVocabularyID
                written += 1
                return written < length
            }
        }
        let padding = length - written
        guard padding > 0 else { return }
        if options.paddingSide == .left { (tokens + padding).update(from: tokens, count: written) }
        let start = options.paddingSide == .left ? 0 : written
        (tokens + start).update(repeating: Self.paddingID, count: padding)
    }

    private enum CodingKeys: CodingKey { case options, words }

    /// Reads options and words.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            words: try values.decode([String].self, forKey: .words),
            options: try values.decode(WordTokenizerOptions.self, forKey: .options))
    }

    /// Writes options and words; the numbering follows from them.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(options, forKey: .options)
        try values.encode(words, forKey: .words)
    }
}
