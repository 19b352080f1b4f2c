import Graphs

/// Each matrix of gradients travels as the product of two thin ones, found by a step of power iteration from random
/// directions (Vogels et al. 2019, "PowerSGD"); vectors travel as they are.
///
/// Unlike the paper's, every node's own sum is factored, so that one exchange suffices, and the start is new random
/// directions at each step instead of the last step's.
public struct PowerSGDCompression: GradientCompression {
    /// `powerSGD`.
    public let name = "powerSGD"
    /// What the factors miss must not be lost.
    public let keepsResidual = true
    /// Columns of the factors.
    public let rank: Int
    /// Rounds of power iteration beyond the first: more cost more and miss less.
    public let extraIterations: Int

    /// Creates it.
    public init(rank: Int = 4, extraIterations: Int = 1) {
        self.rank = max(1, rank)
        self.extraIterations = max(0, extraIterations)
    }

    /// The columns of a matrix's factors; `nil` where they would take no fewer bytes than the matrix.
    private func factorRank(_ matrix: GradientPiece.Matrix) -> Int? {
        rank * (matrix.rows + matrix.columns) < matrix.rows * matrix.columns ? rank : nil
    }

    private func factored(_ piece: GradientPiece) -> [GradientPiece.Matrix] {
        piece.matrices.filter { factorRank($0) != nil }
    }

    /// The elements between factored matrices.
    private func plain(_ piece: GradientPiece) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        for matrix in factored(piece) {
            ranges.append(start..<matrix.offset)
            start = matrix.range.upperBound
        }
        return ranges + [start..<piece.elementCount]
    }

    /// The factors' elements and the plain ones.
    public func byteCount(_ piece: GradientPiece) -> Int {
        let thin = factored(piece).reduce(0) { $0 + rank * ($1.rows + $1.columns) }
        return (thin + plain(piece).reduce(0) { $0 + $1.count }) * MemoryLayout<Float>.size
    }

    /// Finds the factors: P = orthonormal(M·Q), Q = Mᵀ·P.
    public func pack(
        _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
        into packed: UnsafeMutableRawPointer
    ) {
        var next = packed.assumingMemoryBound(to: Float.self)
        for (number, matrix) in factored(piece).enumerated() {
            let factors = Factors(matrix, rank, at: next)
            let stream = RandomStream(
                seed: UInt64(step), purpose: 0x706f_7765, UInt32(piece.number), UInt32(number))
            for index in 0..<(matrix.columns * rank) { factors.right[index] = stream.uniform(index) - 0.5 }
            for _ in 0...extraIterations { factors.iterate(values + matrix.offset) }
            next += factors.elementCount
        }
        for range in plain(piece) {
            next.update(from: values + range.lowerBound, count: range.count)
            next += range.count
        }
    }

    /// Multiplies the factors.
    public func unpack(
        _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>
    ) {
        var next = UnsafeMutablePointer(mutating: packed.assumingMemoryBound(to: Float.self))
        for matrix in factored(piece) {
            let factors = Factors(matrix, rank, at: next)
            factors.multiply(into: values + matrix.offset)
            next += factors.elementCount
        }
        for range in plain(piece) {
            (values + range.lowerBound).update(from: next, count: range.count)
            next += range.count
        }
    }

    /// Two thin matrices, row-major, one after the other.
    private struct Factors {
        let rows: Int
        let columns: Int
        let rank: Int
        /// P, rows × rank.
        let left: UnsafeMutablePointer<Float>
        /// Q, columns × rank.
        let right: UnsafeMutablePointer<Float>
        var elementCount: Int { (rows + columns) * rank }

        init(_ matrix: GradientPiece.Matrix, _ rank: Int, at place: UnsafeMutablePointer<Float>) {
            (rows, columns, self.rank) = (matrix.rows, matrix.columns, rank)
            left = place
            right = place + matrix.rows * rank
        }

        func iterate(_ matrix: UnsafePointer<Float>) {
            left.update(repeating: 0, count: rows * rank)
            for row in 0..<rows {
                let (values, sums) = (matrix + row * columns, left + row * rank)
                for column in 0..<columns {
                    let (value, direction) = (values[column], right + column * rank)
                    for index in 0..<rank { sums[index] += value * direction[index] }
                }
            }
            orthonormalize()
            right.update(repeating: 0, count: columns * rank)
            for row in 0..<rows {
                let (values, direction) = (matrix + row * columns, left + row * rank)
                for column in 0..<columns {
                    let (value, sums) = (values[column], right + column * rank)
                    for index in 0..<rank { sums[index] += value * direction[index] }
                }
            }
        }

        func multiply(into matrix: UnsafeMutablePointer<Float>) {
            for row in 0..<rows {
                let (values, first) = (matrix + row * columns, left + row * rank)
                for column in 0..<columns {
                    let second = right + column * rank
                    var sum: Float = 0
                    for index in 0..<rank { sum += first[index] * second[index] }
                    values[column] = sum
                }
            }
        }

        /// Modified Gram-Schmidt on P's columns, sums in float64; what depends on the others becomes zero.
        private func orthonormalize() {
            for column in 0..<rank {
                let before = product(column, column).squareRoot()
                for other in 0..<column {
                    let share = Float(product(column, other))
                    for row in 0..<rows { left[row * rank + column] -= share * left[row * rank + other] }
                }
                let norm = product(column, column).squareRoot()
                // Not `norm <= …`: a NaN must not become zero.
                let factor = norm <= 1e-6 * before || norm == 0 ? 0 : Float(1 / norm)
                for row in 0..<rows { left[row * rank + column] *= factor }
            }
        }

        private func product(_ first: Int, _ second: Int) -> Double {
            var sum = 0.0
            for row in 0..<rows {
                sum += Double(left[row * rank + first]) * Double(left[row * rank + second])
            }
            return sum
        }
    }
}
