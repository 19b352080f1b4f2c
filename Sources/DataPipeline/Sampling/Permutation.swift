import CKernels

/// A random order of 0..<count that is a pure function of (seed, epoch, index) and needs no memory:
/// any position of any epoch can be asked for at once, on any rank, after any resume.
///
/// A Feistel network on pairs (row, column) of a grid of at least `count` cells: in turn, each coordinate is
/// shifted by a keyed hash of the other, modulo its size, which is a bijection of the grid. Cells beyond
/// `count` are walked over (Black and Rogaway 2002); the grid has fewer than `count` + √`count` + 1 cells, so
/// walks are rare.
public struct Permutation: Sendable, Equatable {
    /// The numbers that are permuted are 0..<count.
    public let count: Int
    private let rows: UInt64
    private let columns: UInt64
    private let key: UInt64
    /// Each coordinate is shifted this many times. On a grid of few cells a round has little to mix, so it
    /// takes more of them until all orders are equally likely.
    private let doubleRounds: Int

    /// The order of one epoch.
    /// - Parameter count: at least 0 and at most 2^62.
    public init(count: Int, seed: UInt64, epoch: Int) {
        self.count = max(0, count)
        let cells = UInt64(self.count)
        var columns = UInt64(Double(cells).squareRoot())
        while columns &* columns < cells { columns += 1 }
        columns = max(1, columns)
        self.columns = columns
        rows = max(1, (cells + columns - 1) / columns)
        doubleRounds = self.count < 256 ? 8 : 4
        key = RandomMixer.key(seed: seed, UInt64(bitPattern: Int64(epoch)))
    }

    /// The number at a position.
    /// - Parameter index: a position in 0..<count.
    public subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "position out of the permutation's range")
        return walk(from: shuffle(UInt64(index)))
    }

    /// Writes the numbers at `range` to `numbers`, several at a time.
    package func copy(_ range: Range<Int>, to numbers: UnsafeMutablePointer<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "positions out of range")
        var cells = lk_permutation(
            rows: rows, columns: columns, key: key, double_rounds: Int32(truncatingIfNeeded: doubleRounds))
        numbers.withMemoryRebound(to: Int64.self, capacity: range.count) {
            lk_permute_cells(&cells, UInt64(range.lowerBound), range.count, $0)
        }
        for offset in 0..<range.count where numbers[offset] >= count {
            numbers[offset] = walk(from: UInt64(numbers[offset]))
        }
    }

    /// The first cell below `count` on the cycle from `cell` on.
    @inline(__always)
    private func walk(from cell: UInt64) -> Int {
        var cell = cell
        while cell >= UInt64(truncatingIfNeeded: count) { cell = shuffle(cell) }
        return Int(truncatingIfNeeded: cell)
    }

    private func shuffle(_ cell: UInt64) -> UInt64 {
        var (row, column) = split(cell)
        var roundKey = key
        for _ in 0..<doubleRounds {
            row = Self.shift(row, by: column, roundKey, modulo: rows)
            column = Self.shift(column, by: row, roundKey &+ Self.keyStep, modulo: columns)
            roundKey = roundKey &+ 2 &* Self.keyStep
        }
        return row &* columns &+ column
    }

    @inline(__always)
    private func split(_ cell: UInt64) -> (row: UInt64, column: UInt64) {
        let (row, column) = cell.quotientAndRemainder(dividingBy: columns)
        return (row, column)
    }

    private static let keyStep: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// (value + hash(other)) mod size, the hash scaled to 0..<size by its high bits; all sizes are below
    /// 2^32.
    @inline(__always)
    private static func shift(
        _ value: UInt64, by other: UInt64, _ key: UInt64, modulo size: UInt64
    ) -> UInt64 {
        var hash = (other ^ key) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash &>> 32)) &* 0x94D0_49BB_1331_11EB
        let sum = value &+ ((hash &>> 32) &* size) &>> 32
        // The smaller one is the remainder, as the other wraps around; a branch here would be mispredicted
        // half the time.
        return min(sum, sum &- size)
    }
}
