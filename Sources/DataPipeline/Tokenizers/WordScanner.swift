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
    /// A word that differs from what stands in the text, or is not of ASCII alone.
    private var changed: [UInt8] = []

    init(lowercases: Bool) {
        self.lowercases = lowercases
        changed.reserveCapacity(64)
    }

    /// Hands each word, lower-cased if asked for, to `body` until that returns false. Ill-formed UTF-8 separates words.
    /// - Parameter body: the bytes are valid within it alone.
    mutating func forEachWord(
        in bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
    ) {
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte < 0x80, !Self.isASCIIWord(byte) {
                offset &+= 1
                continue
            }
            let start = offset
            var hasUpper = false
            while offset < bytes.count, bytes[offset] < 0x80, Self.isASCIIWord(bytes[offset]) {
                hasUpper = hasUpper || Self.isUpper(bytes[offset])
                offset &+= 1
            }
            let isPlain = offset == bytes.count || bytes[offset] < 0x80
            if isPlain, !(hasUpper && lowercases) {
                // Most words stand in the text as they are handed out.
                guard body(UnsafeBufferPointer(rebasing: bytes[start..<offset])) else { return }
                continue
            }
            changed.removeAll(keepingCapacity: true)
            for byte in bytes[start..<offset] { append(byte) }
            if !isPlain { finishWord(in: bytes, &offset) }
            guard changed.isEmpty || changed.withUnsafeBufferPointer(body) else { return }
        }
    }

    /// Goes on with a word at a character beyond ASCII, to its end and behind what ended it.
    private mutating func finishWord(in bytes: UnsafeBufferPointer<UInt8>, _ offset: inout Int) {
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte < 0x80 {
                offset &+= 1
                guard Self.isASCIIWord(byte) else { return }
                append(byte)
            } else {
                let (scalar, length) = Self.scalar(in: bytes, at: offset)
                offset &+= length
                guard let scalar, Self.isWord(scalar) else { return }
                append(scalar)
            }
        }
    }

    private mutating func append(_ byte: UInt8) {
        changed.append(lowercases && Self.isUpper(byte) ? byte | 0x20 : byte)
    }

    private static func isUpper(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
    }

    private static func isASCIIWord(_ byte: UInt8) -> Bool {
        let folded = byte | 0x20
        return (folded >= UInt8(ascii: "a") && folded <= UInt8(ascii: "z"))
            || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        if lowercases {
            changed.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
        } else {
            changed.append(contentsOf: String(Character(scalar)).utf8)
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
