/// Turns texts into identifiers and back. All methods may be called by many threads.
public protocol TextTokenizer: Sendable {
    /// Identifiers in use, from 0 on: the rows of an embedding.
    var identifierCount: Int { get }
    /// Appends the identifiers of a text in UTF-8; each ill-formed part counts as U+FFFD, as in Python's
    /// `decode(errors="replace")`.
    /// - Throws: 65 where the text holds what the tokenizer has no identifier for.
    func encode(_ text: UnsafeBufferPointer<UInt8>, appendingTo identifiers: inout [Int32]) throws
    /// The text of identifiers; unknown numbers are left out.
    func decode(_ identifiers: [Int32]) -> String
}

extension TextTokenizer {
    /// The identifiers of a text.
    /// - Throws: 65 where the text holds what the tokenizer has no identifier for.
    public func encode(_ text: String) throws -> [Int32] {
        var text = text
        var identifiers: [Int32] = []
        try text.withUTF8 { try encode($0, appendingTo: &identifiers) }
        return identifiers
    }
}
