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
            let (_, length, isWellFormed) = UnicodeScanner.scalar(bytes, at: offset)
            guard isWellFormed else { return offset }
            offset &+= length
        }
        return nil
    }
}
