/// A word as UTF-8, compared byte by byte (String would take é in its two spellings for one).
struct WordBytes: Hashable {
    var bytes: [UInt8] = []

    func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// Finds the words of a UTF-8 text.
///
/// A word is a longest run of letters, marks and decimal digits: ASCII letters and digits, and beyond ASCII
/// the characters of Unicode's property Alphabetic and of the general categories Mn, Mc and Nd. All else,
/// apostrophes and underscores too, separates words. Lower-casing maps character by character and nothing is
/// normalised, so é written as one character and as e with a combining accent are different words.
struct WordScanner {
    private let lowercases: Bool
    private var word = WordBytes()

    init(lowercases: Bool) {
        self.lowercases = lowercases
        word.bytes.reserveCapacity(64)
    }

    /// Hands each word, lower-cased if asked for, to `body`. Ill-formed UTF-8 separates words.
    mutating func forEachWord(in bytes: UnsafeBufferPointer<UInt8>, _ body: (WordBytes) -> Void) {
        word.bytes.removeAll(keepingCapacity: true)
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte < 0x80 {
                offset &+= 1
                if isASCIIWord(byte) {
                    let isUpper = lowercases && byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
                    word.bytes.append(isUpper ? byte | 0x20 : byte)
                    continue
                }
            } else {
                let (scalar, length) = Self.scalar(in: bytes, at: offset)
                offset &+= length
                if let scalar, Self.isWord(scalar) {
                    append(scalar)
                    continue
                }
            }
            if !word.bytes.isEmpty {
                body(word)
                word.bytes.removeAll(keepingCapacity: true)
            }
        }
        if !word.bytes.isEmpty { body(word) }
    }

    private func isASCIIWord(_ byte: UInt8) -> Bool {
        let folded = byte | 0x20
        return (folded >= UInt8(ascii: "a") && folded <= UInt8(ascii: "z"))
            || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        if lowercases {
            word.bytes.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
        } else {
            word.bytes.append(contentsOf: String(Character(scalar)).utf8)
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        if properties.isAlphabetic { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .decimalNumber: return true
        default: return false
        }
    }

    /// The character that begins at `offset` and its length; nil and 1 where none is well formed.
    private static func scalar(
        in bytes: UnsafeBufferPointer<UInt8>, at offset: Int
    ) -> (Unicode.Scalar?, length: Int) {
        let lead = bytes[offset]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, offset &+ length <= bytes.count else { return (nil, 1) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for index in 1..<length {
            let next = bytes[offset &+ index]
            guard next & 0xC0 == 0x80 else { return (nil, 1) }
            value = value << 6 | UInt32(next & 0x3F)
        }
        guard let scalar = Unicode.Scalar(value) else { return (nil, 1) }
        return (scalar, length)
    }
}
