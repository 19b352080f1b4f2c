/// Checks bytes against the table of well-formed UTF-8 sequences (Unicode 16, table 3-7).
enum UTF8Validation {
    /// The offset of the first byte that is no part of a well-formed sequence, or nil.
    static func firstInvalidOffset(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var offset = 0
        while offset < bytes.count {
            guard bytes[offset] >= 0x80 else {
                offset &+= 1
                continue
            }
            let length = sequenceLength(of: bytes, at: offset)
            guard length > 0 else { return offset }
            offset &+= length
        }
        return nil
    }

    /// The length of the well-formed sequence of two to four bytes at `offset`, or 0.
    private static func sequenceLength(of bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> Int {
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
        default: return 0
        }
        guard offset &+ length <= bytes.count, second.contains(bytes[offset &+ 1]) else { return 0 }
        for next in bytes[(offset &+ 2)..<(offset &+ length)] where !(0x80...0xBF).contains(next) { return 0 }
        return length
    }
}
