import Diagnostics

/// A tokenizer with the rules by which texts become sequences of one length. It is kept in checkpoints.
public enum SequenceTokenizer: Sendable, Equatable {
    /// Whole words.
    case words(WordTokenizer)
    /// Pieces of words, of one of two kinds.
    case pieces(PieceSequences)

    /// Tokens of every sample.
    public var length: Int {
        switch self {
        case .words(let tokenizer): tokenizer.options.sequenceLength
        case .pieces(let pieces): pieces.options.sequenceLength
        }
    }

    /// Identifiers in use, from 0 on: the rows of an embedding.
    public var identifierCount: Int {
        switch self {
        case .words(let tokenizer): tokenizer.identifierCount
        case .pieces(let pieces): pieces.vocabulary.identifierCount
        }
    }

    /// Fills up short texts.
    public var paddingID: Int32 { 0 }

    /// Writes the tokens of several pieces of text in UTF-8, as if joined by a space.
    public func encode(
        _ texts: [UnsafeBufferPointer<UInt8>], to tokens: UnsafeMutablePointer<Int32>
    ) throws {
        switch self {
        case .words(let tokenizer): tokenizer.encode(texts, to: tokens)
        case .pieces(let pieces): try pieces.encode(texts, to: tokens)
        }
    }
}

/// Texts as pieces of words: `[CLS]` in front, the middle cut, the rest filled with padding.
public struct PieceSequences: Codable, Sendable, Equatable {
    /// What knows the pieces.
    public enum Vocabulary: Codable, Sendable, Equatable {
        /// Byte pairs (GPT-2's kind).
        case bytePairs(ByteLevelTokenizer)
        /// Word pieces (BERT's kind).
        case wordPieces(WordPieceTokenizer)

        /// Identifiers in use.
        public var identifierCount: Int { tokenizer.identifierCount }

        /// The tokenizer itself.
        public var tokenizer: any TextTokenizer {
            switch self {
            case .bytePairs(let tokenizer): tokenizer
            case .wordPieces(let tokenizer): tokenizer
            }
        }
    }

    /// Stands in front of every text: the same in both kinds of vocabulary.
    public static let classID: Int32 = 2

    /// What knows the pieces.
    public var vocabulary: Vocabulary
    /// Length, sides and lower case.
    public var options: WordTokenizerOptions

    /// Learns pieces from texts, which `visit` hands to its argument one by one.
    /// - Throws: 2 or 65 as the tokenizer's own training; what `visit` throws.
    public init(
        bytePairs: Bool, options: WordTokenizerOptions,
        visiting visit: ((UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Void
    ) throws {
        try options.validate()
        self.options = options
        guard bytePairs else {
            vocabulary = .wordPieces(
                try WordPieceTokenizer.train(
                    vocabularySize: options.vocabularySize, minimumCount: options.minimumCount,
                    lowercases: options.lowercases, visiting: visit))
            return
        }
        vocabulary = try withoutActuallyEscaping(visit) { visit in
            .bytePairs(
                try ByteLevelTokenizer.train(
                    vocabularySize: options.vocabularySize, minimumCount: options.minimumCount,
                    addedTokens: WordPieceTokenizer.specialTokens
                ) { take in
                    try visit { try Self.withPrepared([$0], options.lowercases, take) }
                })
        }
    }

    func encode(
        _ texts: [UnsafeBufferPointer<UInt8>], to tokens: UnsafeMutablePointer<Int32>
    ) throws {
        var identifiers: [Int32] = []
        let lowercases: Bool
        if case .bytePairs = vocabulary { lowercases = options.lowercases } else { lowercases = false }
        try Self.withPrepared(texts, lowercases) {
            try vocabulary.tokenizer.encode($0, appendingTo: &identifiers)
        }
        let length = options.sequenceLength
        let room = length - 1
        let kept =
            options.truncationSide == .head
            ? identifiers[max(0, identifiers.count - room)...] : identifiers.prefix(room)
        let padding = room - kept.count
        let start = options.paddingSide == .left ? padding : 0
        tokens.update(repeating: 0, count: length)
        tokens[start] = Self.classID
        for (place, identifier) in kept.enumerated() { tokens[start + 1 + place] = identifier }
    }

    /// Hands over texts joined by a space, in lower case where asked.
    private static func withPrepared(
        _ texts: [UnsafeBufferPointer<UInt8>], _ lowercases: Bool,
        _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        if texts.count == 1, !lowercases { return try body(texts[0]) }
        var joined = Array(texts.joined(separator: [UInt8(ascii: " ")]))
        if lowercases {
            if joined.allSatisfy({ $0 < 0x80 }) {
                for place in joined.indices where (0x41...0x5A).contains(joined[place]) {
                    joined[place] |= 0x20
                }
            } else {
                joined = Array(String(decoding: joined, as: UTF8.self).lowercased().utf8)
            }
        }
        try joined.withUnsafeBufferPointer(body)
    }
}

extension SequenceTokenizer: Codable {
    private enum CodingKeys: CodingKey { case pieces }

    /// Reads a tokenizer; words as earlier versions wrote them.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let pieces = try values.decodeIfPresent(PieceSequences.self, forKey: .pieces) {
            self = .pieces(pieces)
        } else {
            self = .words(try WordTokenizer(from: decoder))
        }
    }

    /// Writes a tokenizer.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .words(let tokenizer): try tokenizer.encode(to: encoder)
        case .pieces(let pieces):
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(pieces, forKey: .pieces)
        }
    }
}

/// Which tokens a sequence tokenizer learns.
public enum TokenKind: String, Codable, Sendable, CaseIterable {
    /// Whole words.
    case words
    /// Byte pairs (GPT-2's kind).
    case bytePairs
    /// Word pieces (BERT's kind).
    case wordPieces
}

extension SequenceTokenizer {
    /// Learns tokens from texts, which `visit` hands to its argument one by one, in any order.
    /// - Throws: 2 for options that cannot be; 65 for texts without a frequent word; what `visit` throws.
    public init(
        _ kind: TokenKind, options: WordTokenizerOptions,
        visiting visit: ((UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Void
    ) throws {
        switch kind {
        case .words: self = .words(try WordTokenizer(options: options, visiting: visit))
        case .bytePairs, .wordPieces:
            self = .pieces(
                try PieceSequences(bytePairs: kind == .bytePairs, options: options, visiting: visit))
        }
    }
}
