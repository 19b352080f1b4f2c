/// Cuts texts into the pieces inside which byte-level tokenizers merge, by the pattern of GPT-2 (Radford et al. 2019):
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
enum PieceSplitter {
    /// Hands each piece to `body`, and whether it holds ill-formed UTF-8.
    static func forEachPiece(
        in bytes: UnsafeBufferPointer<UInt8>,
        _ body: (_ piece: UnsafeBufferPointer<UInt8>, _ isWellFormed: Bool) throws -> Void
    ) rethrows {
        var start = 0
        while start < bytes.count {
            let (end, isWellFormed) = pieceEnd(bytes, from: start)
            try body(UnsafeBufferPointer(rebasing: bytes[start..<end]), isWellFormed)
            start = end
        }
    }

    private static func pieceEnd(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (end: Int, isWellFormed: Bool) {
        if bytes[start] == UInt8(ascii: "'") {
            let length = contractionLength(bytes, from: start)
            if length > 0 { return (start &+ length, true) }
        }
        // One blank may lead a run of letters, numbers or others.
        let first = bytes[start] == 0x20 && start &+ 1 < bytes.count ? start &+ 1 : start
        let (value, length, isWellFormed) = UnicodeScanner.scalar(bytes, at: first)
        let kind = UnicodeScanner.scalarClass(value)
        if kind == .space { return (spaceEnd(bytes, from: start), true) }
        return runEnd(bytes, from: first &+ length, of: kind, isWellFormed)
    }

    private static func runEnd(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, of kind: ScalarClass, _ isFirstWellFormed: Bool
    ) -> (end: Int, isWellFormed: Bool) {
        var (end, isWellFormed) = (start, isFirstWellFormed)
        while end < bytes.count {
            let (value, length, isNextWellFormed) = UnicodeScanner.scalar(bytes, at: end)
            guard UnicodeScanner.scalarClass(value) == kind else { break }
            isWellFormed = isWellFormed && isNextWellFormed
            end &+= length
        }
        return (end, isWellFormed)
    }

    /// A run of white space leaves its last character to what follows, unless it is the only one or the text's end.
    private static func spaceEnd(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var (end, last) = (start, start)
        while end < bytes.count {
            let (value, length, _) = UnicodeScanner.scalar(bytes, at: end)
            guard UnicodeScanner.scalarClass(value) == .space else { return last > start ? last : end }
            last = end
            end &+= length
        }
        return end
    }

    private static func contractionLength(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        guard start &+ 1 < bytes.count else { return 0 }
        switch bytes[start &+ 1] {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start &+ 2 < bytes.count && bytes[start &+ 2] == UInt8(ascii: "e") ? 3 : 0
        case UInt8(ascii: "l"):
            return start &+ 2 < bytes.count && bytes[start &+ 2] == UInt8(ascii: "l") ? 3 : 0
        default: return 0
        }
    }
}
