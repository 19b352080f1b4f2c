/// Words in UTF-8 by their bytes, each with its number: a table of open addressing over one run of bytes, for look-ups
/// without an object a word.
struct WordTable: Sendable, Equatable {
    /// All words, one after the other.
    private var bytes: [UInt8] = []
    /// Where each word begins in them, and where the last one ends.
    private var starts: [Int] = [0]
    /// A word's number plus one, or 0 for none; their count is a power of two, twice that of the words at least.
    private var slots: [UInt32]

    /// The words, numbered from 0; of equal ones the first has the number.
    init(_ words: some Collection<String>) {
        var size = 16
        while size < 2 * words.count { size *= 2 }
        slots = Array(repeating: 0, count: size)
        for (number, word) in words.enumerated() {
            var word = word
            word.withUTF8 { utf8 in
                let slot = slot(of: utf8)
                bytes.append(contentsOf: utf8)
                starts.append(bytes.count)
                if slots[slot] == 0 { slots[slot] = UInt32(number + 1) }
            }
        }
    }

    /// The number of different words.
    var count: Int { slots.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } }

    /// The number of a word, or nil.
    subscript(word: UnsafeBufferPointer<UInt8>) -> Int? {
        let number = slots[slot(of: word)]
        return number == 0 ? nil : Int(number) - 1
    }

    /// The slot of a word, or the empty one where it belongs.
    private func slot(of word: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Int(truncatingIfNeeded: Self.hash(word)) & (slots.count &- 1)
        while slots[slot] != 0, !holds(Int(slots[slot]) &- 1, word) {
            slot = (slot &+ 1) & (slots.count &- 1)
        }
        return slot
    }

    private func holds(_ number: Int, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
        let (start, end) = (starts[number], starts[number &+ 1])
        guard end &- start == word.count else { return false }
        return bytes.withUnsafeBufferPointer { own in
            for index in 0..<word.count where own[start &+ index] != word[index] { return false }
            return true
        }
    }

    /// Eight bytes at a time, each multiplied into the whole (as FNV does with one); the tail with its length.
    private static func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var (hash, rest) = (UInt64(truncatingIfNeeded: word.count), UnsafeRawBufferPointer(word))
        while rest.count >= 8 {
            hash = mix(hash ^ rest.loadUnaligned(as: UInt64.self))
            rest = UnsafeRawBufferPointer(rebasing: rest[8...])
        }
        var tail: UInt64 = 0
        for byte in rest { tail = tail << 8 | UInt64(byte) }
        return mix(hash ^ tail)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value &* 0x9E37_79B9_7F4A_7C15
        return product ^ product &>> 32
    }
}
