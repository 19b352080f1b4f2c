import CKernels

/// Numbers as float32 or bfloat16, with guards on both sides, so that a kernel that writes outside is seen.
final class StoredNumbers {
    private static let guardCount = 32
    private static let mark: UInt16 = 0xa5c3
    let count: Int
    let type: lk_type
    private let words: UnsafeMutableBufferPointer<UInt16>

    /// Stores numbers; a bfloat16 drops the lower half of each.
    init(_ values: [Float], _ type: lk_type) {
        count = values.count
        self.type = type
        let wordCount = values.count * (type == LK_FLOAT32 ? 2 : 1)
        words = .allocate(capacity: wordCount + 2 * Self.guardCount)
        words.initialize(repeating: Self.mark)
        for (index, value) in values.enumerated() {
            if type == LK_FLOAT32 {
                floats[index] = value
            } else {
                words[Self.guardCount + index] = UInt16(value.bitPattern >> 16)
            }
        }
    }

    convenience init(count: Int, _ type: lk_type) {
        self.init([Float](repeating: 777, count: count), type)
    }

    deinit { words.deallocate() }

    var pointer: UnsafeMutableRawPointer { UnsafeMutableRawPointer(words.baseAddress! + Self.guardCount) }

    var floats: UnsafeMutablePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }

    var values: [Float] {
        if type == LK_FLOAT32 { return Array(UnsafeBufferPointer(start: floats, count: count)) }
        return (0..<count).map { Float(bitPattern: UInt32(words[Self.guardCount + $0]) << 16) }
    }

    var isIntact: Bool {
        words.prefix(Self.guardCount).allSatisfy { $0 == Self.mark }
            && words.suffix(Self.guardCount).allSatisfy { $0 == Self.mark }
    }
}
