import Execution

/// How a node's sum of gradients is packed before it travels to the other nodes. Conform to it for a rule of your own and
/// set ``ReplicaConfiguration/compression``.
///
/// Every node packs its sum, sends it to all others, unpacks what all sent (its own too) and adds it up in the order of
/// nodes. So the numbers depend on which node computes what, unlike those of an exchange without compression; the same
/// topology gives the same bits. State that follows statistics (batch norm's) travels as it is.
public protocol GradientCompression: Sendable {
    /// The name, for plans and errors.
    var name: String { get }
    /// Whether a node adds what packing lost to its next sum (error feedback: Seide et al. 2014, Karimireddy et al. 2019).
    /// The residual is then part of checkpoints.
    var keepsResidual: Bool { get }
    /// The bytes of a packed piece; they may not depend on its values.
    func byteCount(_ piece: GradientPiece) -> Int
    /// Packs the values of a piece. A value that is not finite must stay so, or spread: then the step is skipped.
    /// - Parameters:
    ///   - values: `piece.elementCount` sums over samples, not yet divided by their count.
    ///   - step: the global step, the same on all nodes.
    ///   - packed: ``byteCount(_:)`` bytes on a 64-byte boundary, all of which must be written.
    func pack(
        _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
        into packed: UnsafeMutableRawPointer)
    /// Unpacks a piece, with the same bits on every node.
    func unpack(
        _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>)
}

/// What is packed at once: the gradients of a bucket.
public struct GradientPiece: Sendable, Equatable {
    /// Whole rows of a parameter of at least two dimensions, which lie one after the other.
    public struct Matrix: Sendable, Equatable {
        /// The first element in the piece.
        public let offset: Int
        /// Rows: the parameter's first dimension, or some of it.
        public let rows: Int
        /// Columns: the product of its other dimensions.
        public let columns: Int
        /// The elements in the piece.
        public var range: Range<Int> { offset..<(offset + rows * columns) }

        /// Creates a matrix.
        public init(offset: Int, rows: Int, columns: Int) {
            self.offset = offset
            self.rows = rows
            self.columns = columns
        }
    }

    /// The bucket.
    public let number: Int
    /// Elements, with padding, which is zero.
    public let elementCount: Int
    /// The matrices, in order. All other elements are vectors, parts of rows, or padding.
    public let matrices: [Matrix]

    /// Creates a piece.
    public init(number: Int, elementCount: Int, matrices: [Matrix] = []) {
        self.number = number
        self.elementCount = elementCount
        self.matrices = matrices
    }

    /// The trained parameters in a range of an arena.
    package init(number: Int, _ range: Range<Int>, _ layout: ParameterLayout) {
        var matrices: [Matrix] = []
        for segment in layout.segments where segment.shape.rank > 1 {
            let columns = segment.elementCount / max(1, segment.shape[0])
            guard columns > 1 else { continue }
            let first = max(0, range.lowerBound - segment.offset + columns - 1) / columns
            let end = min(range.upperBound - segment.offset, segment.elementCount) / columns
            guard range.upperBound > segment.offset, end > first + 1 else { continue }
            matrices.append(
                Matrix(
                    offset: segment.offset + first * columns - range.lowerBound, rows: end - first,
                    columns: columns))
        }
        self.init(number: number, elementCount: range.count, matrices: matrices)
    }
}

extension GradientCompression {
    /// Bytes of a packed piece with what fills its last 64; none where nothing is packed.
    package func paddedByteCount(_ piece: GradientPiece) -> Int {
        piece.elementCount == 0 ? 0 : ParameterLayout.padded(byteCount(piece), to: 64)
    }
}
