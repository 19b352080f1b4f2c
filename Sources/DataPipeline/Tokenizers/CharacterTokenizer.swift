import Diagnostics

/// Numbers the characters (Unicode scalars, as Python counts them) of the training text in their order in Unicode.
public struct CharacterTokenizer: TextTokenizer, Codable, Equatable {
    /// The characters, the first of which has the identifier 0.
    public let characters: String
    /// Identifiers in use.
    public var identifierCount: Int { scalars.count }

    private let scalars: [Unicode.Scalar]
    private let identifiers: [Unicode.Scalar: Int32]

    /// A tokenizer of known characters; their order gives the numbers.
    /// - Throws: 65 where there is none, or one is listed twice.
    public init(characters: String) throws {
        self.characters = characters
        scalars = Array(characters.unicodeScalars)
        identifiers = Dictionary(
            scalars.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        guard !scalars.isEmpty, identifiers.count == scalars.count else {
            throw LockstepError(.badData, "the vocabulary has no character, or lists one twice")
        }
    }

    /// Collects the characters of texts, which `visit` hands to its argument one by one, in any order.
    /// - Throws: 65 where there is no character; what `visit` throws.
    public init(visiting visit: ((UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Void) throws {
        var seen = [Bool](repeating: false, count: 0x11_0000)
        try visit { text in
            var offset = 0
            while offset < text.count {
                let (value, length, _) = UnicodeScanner.scalar(text, at: offset)
                seen[Int(value)] = true
                offset &+= length
            }
        }
        var characters = String.UnicodeScalarView()
        for value in seen.indices where seen[value] {
            if let scalar = Unicode.Scalar(UInt32(value)) { characters.append(scalar) }
        }
        try self.init(characters: String(characters))
    }

    /// A number that says which identifiers texts get.
    public var fingerprint: UInt64 {
        var fingerprint = TokenizerFingerprint()
        fingerprint.add("characters")
        fingerprint.add(characters)
        return fingerprint.value
    }

    /// Appends the identifiers of a text, and calls `flush` between its parts.
    /// - Throws: 65 naming a character that the training text did not have; what `flush` throws.
    public func encode(
        _ text: UnsafeBufferPointer<UInt8>, appendingTo result: inout [Int32],
        flush: (inout [Int32]) throws -> Void
    ) throws {
        var offset = 0
        while offset < text.count {
            let (value, length, _) = UnicodeScanner.scalar(text, at: offset)
            guard let scalar = Unicode.Scalar(value), let identifier = identifiers[scalar] else {
                let name = Unicode.Scalar(value).map { String(Character($0)) } ?? ""
                throw LockstepError(
                    .badData,
                    "the character '\(name)' (U+\(String(value, radix: 16, uppercase: true))) at byte \(offset) is "
                        + "none of the training text's \(identifierCount)",
                    remedy: "take it out, or use a byte-level tokenizer")
            }
            result.append(identifier)
            try flush(&result)
            offset &+= length
        }
    }

    /// The text of identifiers; unknown numbers are left out.
    public func decode(_ identifiers: [Int32]) -> String {
        var text = String.UnicodeScalarView()
        for identifier in identifiers where scalars.indices.contains(Int(identifier)) {
            text.append(scalars[Int(identifier)])
        }
        return String(text)
    }

    private enum CodingKeys: CodingKey { case characters }

    /// Reads the characters.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(characters: try values.decode(String.self, forKey: .characters))
    }

    /// Writes the characters; the numbers follow from them.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(characters, forKey: .characters)
    }
}
