/// What the splitting rules of tokenizers ask of a character.
enum ScalarClass: UInt8 {
    /// General category L.
    case letter
    /// General category N.
    case number
    /// The property White_Space.
    case space
    /// All else.
    case other
}

/// Reads characters from bytes.
enum UnicodeScanner {
    /// The character that begins at `offset` and its length; where none is well formed, U+FFFD and the length of
    /// the ill-formed part (Unicode 16, "maximal subpart", as Python and Swift replace it).
    @inline(__always)
    static func scalar(
        _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int
    ) -> (value: UInt32, length: Int, isWellFormed: Bool) {
        let lead = bytes[offset]
        return lead < 0x80 ? (UInt32(lead), 1, true) : wideScalar(bytes, at: offset)
    }

    private static func wideScalar(
        _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int
    ) -> (value: UInt32, length: Int, isWellFormed: Bool) {
        let lead = bytes[offset]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return (0xFFFD, 1, false)
        }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for index in 1..<length {
            guard offset &+ index < bytes.count else { return (0xFFFD, index, false) }
            let next = bytes[offset &+ index]
            guard index == 1 ? second.contains(next) : next & 0xC0 == 0x80 else {
                return (0xFFFD, index, false)
            }
            value = value << 6 | UInt32(next & 0x3F)
        }
        return (value, length, true)
    }

    /// The bytes with every ill-formed part replaced by U+FFFD.
    static func repaired(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            let (_, length, isWellFormed) = scalar(bytes, at: offset)
            if isWellFormed {
                result.append(contentsOf: bytes[offset..<(offset &+ length)])
            } else {
                result.append(contentsOf: [0xEF, 0xBF, 0xBD])
            }
            offset &+= length
        }
        return result
    }

    @inline(__always)
    static func scalarClass(_ value: UInt32) -> ScalarClass {
        value < 0x10000
            ? ScalarClass(rawValue: basicClasses[Int(value)]) ?? .other : computedClass(value)
    }

    /// The classes of the basic plane, since asking Unicode's properties takes long.
    private static let basicClasses: [UInt8] = (0..<0x10000).map { computedClass($0).rawValue }

    private static func computedClass(_ value: UInt32) -> ScalarClass {
        guard let scalar = Unicode.Scalar(value) else { return .other }
        if scalar.properties.isWhitespace { return .space }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .other
        }
    }
}
