import CKernels
import Graphs

/// Numbers for tests: a pure function of the seed.
struct TestNumbers {
    private let stream: RandomStream
    private var next = 0

    init(_ seed: Int) { stream = RandomStream(seed: UInt64(truncatingIfNeeded: seed), purpose: 99) }

    mutating func float(_ range: ClosedRange<Float> = -2...2) -> Float {
        next += 1
        return range.lowerBound + stream.uniform(next) * (range.upperBound - range.lowerBound)
    }

    mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -2...2) -> [Float] {
        (0..<count).map { _ in float(range) }
    }

    mutating func integers(_ count: Int, below limit: Int) -> [Int32] {
        (0..<count).map { _ in
            next += 1
            return Int32(stream.word(next) % UInt32(limit))
        }
    }
}

/// Floats with guards on both sides, so that a kernel that writes outside is seen.
struct GuardedFloats {
    private static let guardCount = 32
    private static let mark: Float = -12345.678
    private var storage: [Float]
    let count: Int

    init(_ values: [Float]) {
        count = values.count
        let mark = [Float](repeating: Self.mark, count: Self.guardCount)
        storage = mark + values + mark
    }

    init(count: Int) { self.init([Float](repeating: 777, count: count)) }

    var values: [Float] { Array(storage[Self.guardCount..<(Self.guardCount + count)]) }

    /// Whether nothing was written outside.
    var isIntact: Bool {
        storage.prefix(Self.guardCount).allSatisfy { $0 == Self.mark }
            && storage.suffix(Self.guardCount).allSatisfy { $0 == Self.mark }
    }

    mutating func withPointer<Result>(_ body: (UnsafeMutablePointer<Float>) throws -> Result) rethrows
        -> Result
    {
        try storage.withUnsafeMutableBufferPointer { try body($0.baseAddress! + Self.guardCount) }
    }
}

/// The instruction sets of this processor.
let instructionSets: [lk_instruction_set] = [LK_GENERIC, LK_AVX2, LK_AVX512].filter {
    $0.rawValue <= lk_best_instruction_set().rawValue
}

/// Runs a body once with each instruction set's clones on this thread; the best is back afterwards.
func withEachInstructionSet(_ body: (lk_instruction_set) throws -> Void) rethrows {
    defer { _ = lk_use_instruction_set(lk_best_instruction_set()) }
    for set in instructionSets where lk_use_instruction_set(set) == 1 { try body(set) }
}

func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

/// The greatest difference, relative to the greatest of the expected numbers (at least one).
func distance(_ values: [Float], _ expected: [Float]) -> Float {
    let scale = expected.reduce(1) { max($0, abs($1)) }
    return Swift.zip(values, expected).reduce(0) { worst, pair in
        if pair.0.isNaN != pair.1.isNaN { return .infinity }
        if pair.0.isNaN || pair.0 == pair.1 { return worst }
        return max(worst, abs(pair.0 - pair.1) / scale)
    }
}

/// Numbers as a kernel stores them: bytes of float32 or bfloat16 (cut, which loses nothing that a test needs).
func stored(_ values: [Float], _ type: lk_type) -> [UInt8] {
    values.flatMap { value -> [UInt8] in
        let bytes = withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        return type == LK_BFLOAT16 ? Array(bytes[2...]) : bytes
    }
}

/// The numbers that stored bytes mean.
func widened(_ bytes: [UInt8], _ type: lk_type, _ count: Int) -> [Float] {
    (0..<count).map { index in
        bytes.withUnsafeBytes { memory in
            if type == LK_FLOAT32 { return memory.loadUnaligned(fromByteOffset: index * 4, as: Float.self) }
            let half = memory.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
            return Float(bitPattern: UInt32(half) << 16)
        }
    }
}

/// Every pair of storage types.
let typePairs = [LK_FLOAT32, LK_BFLOAT16].flatMap { x in [LK_FLOAT32, LK_BFLOAT16].map { (x, $0) } }

/// Counts on both sides of the sixteen lanes, of a chunk and of nothing.
let awkwardCounts = [1, 15, 16, 17, 31, 33, 100, 1023, 1025]
/// Widths on both sides of a vector and of a strip of four.
let awkwardWidths = [1, 7, 15, 16, 17, 24, 31, 32, 33, 47, 50, 63, 64, 65, 80, 81, 100]
