/// Turns texts into identifiers and back. All methods may be called by many threads.
public protocol TextTokenizer: Sendable {
    /// Identifiers in use, from 0 on: the rows of an embedding.
    var identifierCount: Int { get }
    /// Appends the identifiers of a text in UTF-8; each ill-formed part counts as U+FFFD, as in Python's
    /// `decode(errors="replace")`. Now and then `flush` may take out what there is so far.
    /// - Throws: 65 where the text holds what the tokenizer has no identifier for; what `flush` throws.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, appendingTo identifiers: inout [Int32],
        flush: (inout [Int32]) throws -> Void
    ) throws
    /// A number that says which identifiers texts get: files of tokens are kept under it.
    var fingerprint: UInt64 { get }
    /// The text of identifiers; unknown numbers are left out.
    func decode(_ identifiers: [Int32]) -> String
}

/// Tokens that are handed over at a time.
private let tokenBlockLength = 1 << 16

/// Puts texts and numbers into one number, in order.
struct TokenizerFingerprint {
    private(set) var value: UInt64 = 0x746F_6B65_6E73

    mutating func add(_ number: UInt64) { value = RandomMixer.mix(value ^ number) &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func add(_ text: String) {
        add(UInt64(text.utf8.count))
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
}

extension TextTokenizer {
    /// Appends the identifiers of a text.
    /// - Throws: 65 where the text holds what the tokenizer has no identifier for.
    public func encode(_ text: UnsafeBufferPointer<UInt8>, appendingTo identifiers: inout [Int32]) throws {
        try encode(text, appendingTo: &identifiers) { _ in }
    }

    /// Hands the identifiers of a text of any length to `body`, block by block, so that all are never in memory at once.
    /// - Throws: 65 where the text holds what the tokenizer has no identifier for; what `body` throws.
    public func encode(_ text: UnsafeBufferPointer<UInt8>, inBlocks body: ([Int32]) throws -> Void) throws {
        var block: [Int32] = []
        try encode(text, appendingTo: &block) { block in
            guard block.count >= tokenBlockLength else { return }
            try body(block)
            block.removeAll(keepingCapacity: true)
        }
        try body(block)
    }

    /// The identifiers of a text.
    /// - Throws: 65 where the text holds what the tokenizer has no identifier for.
    public func encode(_ text: String) throws -> [Int32] {
        var text = text
        var identifiers: [Int32] = []
        try text.withUTF8 { try encode($0, appendingTo: &identifiers) }
        return identifiers
    }
}
