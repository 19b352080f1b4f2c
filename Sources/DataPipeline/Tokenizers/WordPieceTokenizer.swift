import Diagnostics
import Foundation

/// WordPiece as BERT has it (Devlin et al. 2019): texts are cleaned and cut at white space and punctuation, and each
/// word into the longest pieces of the vocabulary from left to right; a piece inside a word is marked by `##`.
///
/// The same identifiers as `tokenizers`' BertWordPieceTokenizer. `[CLS]` and `[SEP]` are left to the caller.
public struct WordPieceTokenizer: TextTokenizer, Codable, Equatable {
    /// The tokens, by identifier.
    public let tokens: [String]
    /// Whether texts are lower-cased and their accents dropped (BERT's uncased models).
    public let lowercases: Bool
    /// Identifiers in use.
    public var identifierCount: Int { tokens.count }

    private static let unknownToken = "[UNK]"
    /// Longer words are unknown, as in BERT.
    private static let longestWord = 100

    private let identifiers: [WordBytes: Int32]
    private let unknownIdentifier: Int32
    private let pool = PieceCachePool()

    /// A tokenizer of known tokens.
    /// - Throws: 65 where `[UNK]` is missing or a token is listed twice.
    public init(tokens: [String], lowercases: Bool = true) throws {
        self.tokens = tokens
        self.lowercases = lowercases
        let numbered = tokens.enumerated().map { (WordBytes(bytes: Array($1.utf8)), Int32($0)) }
        identifiers = Dictionary(numbered, uniquingKeysWith: { first, _ in first })
        guard identifiers.count == tokens.count,
            let unknown = identifiers[WordBytes(bytes: Array(Self.unknownToken.utf8))]
        else {
            throw LockstepError(.badData, "the vocabulary has no token [UNK], or lists a token twice")
        }
        unknownIdentifier = unknown
    }

    /// Reads BERT's `vocab.txt`: a token a line, the first of which has the identifier 0.
    /// - Throws: 65 for a file that is missing or no such list; 74 where it cannot be read.
    public init(vocabulary path: String, lowercases: Bool = true) throws {
        let file = try MappedFile(path: path)
        let bytes = UnsafeBufferPointer(start: file.base, count: file.byteCount)
        guard UTF8Validation.firstInvalidOffset(in: bytes) == nil else {
            throw LockstepError(.badData, "this is no vocabulary in UTF-8", at: FileLocation(path))
        }
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        do {
            try self.init(tokens: lines, lowercases: lowercases)
        } catch let error as LockstepError {
            throw LockstepError(error.code, error.message, at: FileLocation(path))
        }
    }

    /// The identifier of a token such as `[CLS]`.
    public func identifier(of token: String) -> Int32? { identifiers[WordBytes(bytes: Array(token.utf8))] }

    /// A number that says which identifiers texts get.
    public var fingerprint: UInt64 {
        var fingerprint = TokenizerFingerprint()
        fingerprint.add(lowercases ? "uncased word pieces" : "word pieces")
        for token in tokens { fingerprint.add(token) }
        return fingerprint.value
    }

    /// Appends the identifiers of a text, of which nothing is cut off, and calls `flush` between its parts.
    /// - Throws: what `flush` throws.
    public func encode(
        _ text: UnsafeBufferPointer<UInt8>, appendingTo result: inout [Int32],
        flush: (inout [Int32]) throws -> Void
    ) rethrows {
        try pool.withCache { cache in
            var (start, offset) = (0, 0)
            while offset <= text.count {
                let scalar = offset < text.count ? UnicodeScanner.scalar(text, at: offset) : (0x20, 1, true)
                if Self.isSpace(scalar.0) {
                    if start < offset {
                        encodeChunk(UnsafeBufferPointer(rebasing: text[start..<offset]), cache, &result)
                        try flush(&result)
                    }
                    start = offset &+ scalar.1
                }
                offset &+= scalar.1
            }
        }
    }

    /// The identifiers of a text; nothing of it is cut off.
    public func encode(_ text: String) -> [Int32] {
        var text = text
        var result: [Int32] = []
        text.withUTF8 { encode($0, appendingTo: &result) { _ in } }
        return result
    }

    /// The tokens joined by blanks, pieces joined to their words; unknown numbers are left out.
    public func decode(_ identifiers: [Int32]) -> String {
        var text = ""
        for identifier in identifiers where tokens.indices.contains(Int(identifier)) {
            let token = tokens[Int(identifier)]
            if token.hasPrefix("##") {
                text += token.dropFirst(2)
            } else {
                text += text.isEmpty ? token : " " + token
            }
        }
        return text
    }

    /// BERT drops white space that is a control character, but for tabs and line ends.
    private static func isSpace(_ value: UInt32) -> Bool {
        UnicodeScanner.scalarClass(value) == .space && ![0x0B, 0x0C, 0x85].contains(value)
    }

    /// Nothing that cleaning does reaches over white space, so what lies between may be remembered.
    private func encodeChunk(
        _ chunk: UnsafeBufferPointer<UInt8>, _ cache: PieceCache, _ result: inout [Int32]
    ) {
        cache.append(chunk, to: &result) { result in
            let words = WordPieceCleaner.words(String(decoding: chunk, as: UTF8.self), lowercases: lowercases)
            for word in words { encodeWord(word, &result) }
        }
    }

    private func encodeWord(_ word: [Unicode.Scalar], _ result: inout [Int32]) {
        let count = result.count
        var start = 0
        while start < word.count, word.count <= Self.longestWord {
            var bytes = Array((start > 0 ? "##" : "").utf8)
            var ends: [Int] = []
            for scalar in word[start...] {
                bytes.append(contentsOf: String(Character(scalar)).utf8)
                ends.append(bytes.count)
            }
            guard
                let length = (1...ends.count).reversed().first(where: {
                    identifiers[WordBytes(bytes: Array(bytes[..<ends[$0 - 1]]))] != nil
                }), let identifier = identifiers[WordBytes(bytes: Array(bytes[..<ends[length - 1]]))]
            else { break }
            result.append(identifier)
            start += length
        }
        if start < word.count {
            result.removeSubrange(count...)
            result.append(unknownIdentifier)
        }
    }

    private enum CodingKeys: CodingKey { case tokens, lowercases }

    /// Reads tokens and rules.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            tokens: try values.decode([String].self, forKey: .tokens),
            lowercases: try values.decode(Bool.self, forKey: .lowercases))
    }

    /// Writes tokens and rules.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(tokens, forKey: .tokens)
        try values.encode(lowercases, forKey: .lowercases)
    }

    /// Whether both have the same tokens and rules.
    public static func == (one: WordPieceTokenizer, other: WordPieceTokenizer) -> Bool {
        one.tokens.map { Array($0.utf8) } == other.tokens.map { Array($0.utf8) }
            && one.lowercases == other.lowercases
    }
}

/// BERT's cleaning of a text without white space, and its cut at punctuation.
enum WordPieceCleaner {
    static func words(_ chunk: String, lowercases: Bool) -> [[Unicode.Scalar]] {
        var text = String.UnicodeScalarView()
        for scalar in chunk.unicodeScalars where !isDropped(scalar) { text.append(scalar) }
        if lowercases {
            // Through the decomposed form, so that accents are characters of their own.
            let isPlain = text.allSatisfy(\.isASCII)
            let parts = isPlain ? text : String(text).decomposedStringWithCanonicalMapping.unicodeScalars
            text = String.UnicodeScalarView()
            for scalar in parts where scalar.isASCII || scalar.properties.generalCategory != .nonspacingMark {
                text.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        var words: [[Unicode.Scalar]] = []
        var word: [Unicode.Scalar] = []
        for scalar in text {
            if scalar.properties.isWhitespace || isAlone(scalar) {
                if !word.isEmpty { words.append(word) }
                word = []
                if isAlone(scalar) { words.append([scalar]) }
            } else {
                word.append(scalar)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value == 0xFFFD { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .unassigned, .privateUse, .surrogate: return true
        default: return false
        }
    }

    private static func isAlone(_ scalar: Unicode.Scalar) -> Bool {
        isPunctuation(scalar) || isIdeograph(scalar)
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 33...47, 58...64, 91...96, 123...126: return true
        case 0..<128: return false
        default: break
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// The blocks of Chinese characters that BERT takes one by one.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            return true
        default: return false
        }
    }
}
