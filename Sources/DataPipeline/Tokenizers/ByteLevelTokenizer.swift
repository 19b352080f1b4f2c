import Diagnostics

/// A byte-level byte-pair encoding as GPT-2 has it: any text becomes identifiers and comes back.
///
/// It reads and writes the files of Hugging Face's `tokenizers` (`tokenizer.json`, which is also its form as Codable,
/// and `vocab.json` with `merges.txt`) and gives the same identifiers. Tokens that a model puts before or after texts
/// are left to the caller.
public struct ByteLevelTokenizer: TextTokenizer {
    /// A token that is found in texts as a whole, such as `<|endoftext|>`.
    public struct AddedToken: Sendable, Equatable {
        /// Its text.
        public var content: String
        /// Its identifier.
        public var identifier: Int32
        /// Whether white space before it belongs to it.
        public var takesSpaceBefore: Bool
        /// Whether white space after it belongs to it.
        public var takesSpaceAfter: Bool

        /// Describes a token.
        public init(
            content: String, identifier: Int32, takesSpaceBefore: Bool = false, takesSpaceAfter: Bool = false
        ) {
            self.content = content
            self.identifier = identifier
            self.takesSpaceBefore = takesSpaceBefore
            self.takesSpaceAfter = takesSpaceAfter
        }
    }

    /// What makes a tokenizer, before it is checked.
    struct Parts: Sendable, Equatable {
        /// Tokens as the files write them, by identifier; nil where a number is not in use.
        var tokens: [String?] = []
        var merges: [[String]] = []
        var addedTokens: [AddedToken] = []
        /// Whether a text that does not begin with white space gets a blank in front.
        var addsPrefixSpace = false
        /// Whether a piece that is a token is never built from merges (Llama 3).
        var ignoresMerges = false
        /// Stands for bytes that the vocabulary lacks.
        var unknownToken: String?
    }

    /// Identifiers in use, from 0 on.
    public var identifierCount: Int { bytesOfTokens.count }
    /// Tokens that are found as a whole.
    public var addedTokens: [AddedToken] { parts.addedTokens }

    let parts: Parts
    private let bytesOfTokens: [[UInt8]]
    private let identifiersOfBytes: [Int32]
    private let wholePieces: [WordBytes: Int32]
    private let merges: PairMerges
    private let added: AddedTokenFinder
    private let pool = PieceCachePool()

    /// Checks and prepares a tokenizer.
    /// - Throws: 65 at `location` for tokens that are listed twice, merges of unknown tokens, or a missing byte.
    init(_ parts: Parts, at location: FileLocation?) throws {
        func error(_ message: String) -> LockstepError { LockstepError(.badData, message, at: location) }
        var identifiers: [String: Int32] = [:]
        for (number, token) in parts.tokens.enumerated() {
            guard let token else { continue }
            guard identifiers.updateValue(Int32(number), forKey: token) == nil else {
                throw error("the token '\(token)' is listed twice")
            }
        }
        merges = PairMerges(
            try parts.merges.map { merge in
                guard merge.count == 2, let left = identifiers[merge[0]], let right = identifiers[merge[1]],
                    let merged = identifiers[merge[0] + merge[1]]
                else { throw error("the merge '\(merge.joined(separator: " "))' is of unknown tokens") }
                return (left, right, merged)
            })
        let unknown = parts.unknownToken.flatMap { identifiers[$0] }
        identifiersOfBytes = try (0..<256).map { byte in
            let text = ByteAlphabet.text(of: [UInt8(byte)])
            guard let identifier = identifiers[text] ?? unknown else {
                throw error(
                    "the vocabulary has no token '\(text)' for the byte \(byte), and none for unknown ones")
            }
            return identifier
        }
        let addedIdentifiers = Dictionary(
            parts.addedTokens.map { ($0.identifier, $0.content) }, uniquingKeysWith: { first, _ in first })
        bytesOfTokens = parts.tokens.enumerated().map { number, token in
            if let added = addedIdentifiers[Int32(number)] { return Array(added.utf8) }
            return token.map { ByteAlphabet.bytes(of: $0) ?? Array($0.utf8) } ?? []
        }
        wholePieces =
            parts.ignoresMerges
            ? Dictionary(
                bytesOfTokens.enumerated().map { (WordBytes(bytes: $1), Int32($0)) },
                uniquingKeysWith: { first, _ in first }) : [:]
        added = AddedTokenFinder(parts.addedTokens)
        self.parts = parts
    }

    /// A number that says which identifiers texts get.
    public var fingerprint: UInt64 {
        var fingerprint = TokenizerFingerprint()
        fingerprint.add((parts.addsPrefixSpace ? 1 : 0) | (parts.ignoresMerges ? 2 : 0))
        for token in parts.tokens { fingerprint.add(token ?? "") }
        for merge in parts.merges { for part in merge { fingerprint.add(part) } }
        for token in parts.addedTokens {
            fingerprint.add(token.content)
            fingerprint.add((token.takesSpaceBefore ? 1 : 0) | (token.takesSpaceAfter ? 2 : 0))
        }
        fingerprint.add(parts.unknownToken ?? "")
        return fingerprint.value
    }

    /// Appends the identifiers of a text, and calls `flush` between its parts.
    /// - Throws: what `flush` throws.
    public func encode(
        _ text: UnsafeBufferPointer<UInt8>, appendingTo identifiers: inout [Int32],
        flush: (inout [Int32]) throws -> Void
    ) rethrows {
        try pool.withCache { cache in
            try added.forEachPart(of: text) { part in
                switch part {
                case .text(let range):
                    try encodePlain(UnsafeBufferPointer(rebasing: text[range]), cache, &identifiers, flush)
                case .token(let identifier): identifiers.append(identifier)
                }
            }
        }
    }

    /// The identifiers of a text.
    public func encode(_ text: String) -> [Int32] {
        var text = text
        var identifiers: [Int32] = []
        text.withUTF8 { encode($0, appendingTo: &identifiers) { _ in } }
        return identifiers
    }

    /// The text of identifiers; unknown numbers are left out, bytes that are no UTF-8 become U+FFFD.
    public func decode(_ identifiers: [Int32]) -> String {
        String(decoding: bytes(of: identifiers), as: UTF8.self)
    }

    /// The bytes of identifiers: the tokens of a text that is still being written may end within a character.
    public func bytes(of identifiers: some Sequence<Int32>) -> [UInt8] {
        identifiers.flatMap { bytesOfTokens.indices.contains(Int($0)) ? bytesOfTokens[Int($0)] : [] }
    }

    /// The identifier of a token that is found as a whole, such as `<|endoftext|>`.
    public func identifier(ofAdded content: String) -> Int32? {
        parts.addedTokens.first { $0.content == content }?.identifier
    }

    private func encodePlain(
        _ text: UnsafeBufferPointer<UInt8>, _ cache: PieceCache, _ identifiers: inout [Int32],
        _ flush: (inout [Int32]) throws -> Void
    ) rethrows {
        guard parts.addsPrefixSpace, !text.isEmpty,
            UnicodeScanner.scalarClass(UnicodeScanner.scalar(text, at: 0).value) != .space
        else { return try encodePieces(text, cache, &identifiers, flush) }
        // No piece goes on into white space: a copy of what lies before it spares one of the whole text.
        var end = 0
        while end < text.count {
            let (value, length, _) = UnicodeScanner.scalar(text, at: end)
            if UnicodeScanner.scalarClass(value) == .space { break }
            end &+= length
        }
        try ([0x20] + Array(text[..<end])).withUnsafeBufferPointer {
            try encodePieces($0, cache, &identifiers, flush)
        }
        try encodePieces(UnsafeBufferPointer(rebasing: text[end...]), cache, &identifiers, flush)
    }

    private func encodePieces(
        _ text: UnsafeBufferPointer<UInt8>, _ cache: PieceCache, _ identifiers: inout [Int32],
        _ flush: (inout [Int32]) throws -> Void
    ) rethrows {
        try PieceSplitter.forEachPiece(in: text) { piece, isWellFormed in
            if isWellFormed {
                encodePiece(piece, cache, &identifiers)
            } else {
                UnicodeScanner.repaired(piece).withUnsafeBufferPointer {
                    encodePiece($0, cache, &identifiers)
                }
            }
            try flush(&identifiers)
        }
    }

    private func encodePiece(
        _ piece: UnsafeBufferPointer<UInt8>, _ cache: PieceCache, _ identifiers: inout [Int32]
    ) {
        cache.append(piece, to: &identifiers) { identifiers in
            if parts.ignoresMerges, let whole = wholePieces[WordBytes(bytes: Array(piece))] {
                return identifiers.append(whole)
            }
            let start = identifiers.count
            for byte in piece { identifiers.append(identifiersOfBytes[Int(byte)]) }
            merges.apply(to: &identifiers, from: start)
        }
    }
}

extension ByteLevelTokenizer: Equatable {
    /// Whether both have the same tokens, merges and rules.
    public static func == (one: ByteLevelTokenizer, other: ByteLevelTokenizer) -> Bool {
        one.parts == other.parts
    }
}

/// Finds added tokens in texts: the leftmost, the longest of those that begin at one place.
struct AddedTokenFinder: Sendable {
    enum Part {
        case text(Range<Int>)
        case token(Int32)
    }

    private struct Token {
        var bytes: [UInt8]
        var token: ByteLevelTokenizer.AddedToken
    }

    private let tokens: [[Token]]
    private let isEmpty: Bool

    init(_ added: [ByteLevelTokenizer.AddedToken]) {
        var tokens = [[Token]](repeating: [], count: 256)
        for token in added {
            guard let first = token.content.utf8.first else { continue }
            tokens[Int(first)].append(Token(bytes: Array(token.content.utf8), token: token))
        }
        self.tokens = tokens.map { $0.sorted { $0.bytes.count > $1.bytes.count } }
        isEmpty = added.isEmpty
    }

    func forEachPart(of text: UnsafeBufferPointer<UInt8>, _ body: (Part) throws -> Void) rethrows {
        var start = 0
        var offset = isEmpty ? text.count : 0
        while offset < text.count {
            guard let found = match(text, at: offset) else {
                offset &+= 1
                continue
            }
            var end = offset
            if found.token.takesSpaceBefore { while end > start, isSpace(text[end - 1]) { end -= 1 } }
            if start < end { try body(.text(start..<end)) }
            try body(.token(found.token.identifier))
            offset += found.bytes.count
            if found.token.takesSpaceAfter {
                while offset < text.count, isSpace(text[offset]) { offset += 1 }
            }
            start = offset
        }
        if start < text.count { try body(.text(start..<text.count)) }
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private func match(_ text: UnsafeBufferPointer<UInt8>, at offset: Int) -> Token? {
        tokens[Int(text[offset])].first { token in
            offset + token.bytes.count <= text.count
                && token.bytes.indices.allSatisfy { text[offset + $0] == token.bytes[$0] }
        }
    }
}
