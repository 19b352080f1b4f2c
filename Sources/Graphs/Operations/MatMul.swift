/// The product of two matrices, each transposed on request: [m, k] × [k, n] → [m, n].
public struct MatMul: Operation {
    /// Whether the left operand is given as [k, m].
    public let transposesLeft: Bool
    /// Whether the right operand is given as [n, k].
    public let transposesRight: Bool
    /// `matmul`.
    public var name: String { "matmul" }

    /// Creates a product.
    public init(transposesLeft: Bool = false, transposesRight: Bool = false) {
        self.transposesLeft = transposesLeft
        self.transposesRight = transposesRight
    }

    /// Rows, columns and the summed extent for operands of these types.
    public func extents(_ left: Shape, _ right: Shape) -> (rows: Int, columns: Int, inner: Int) {
        (left[transposesLeft ? 1 : 0], right[transposesRight ? 0 : 1], left[transposesLeft ? 0 : 1])
    }

    /// [m, n] for matrices that share an extent.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (left, right) = (operands[0].shape, operands[1].shape)
        guard left.rank == 2, right.rank == 2 else {
            throw ShapeError(
                "matmul takes two matrices, got \(left) and \(right)", remedy: "flatten the operands first")
        }
        let (rows, columns, inner) = extents(left, right)
        guard inner == right[transposesRight ? 1 : 0] else {
            throw ShapeError(
                "matmul cannot multiply \(left) by \(right)", remedy: "make the inner extents equal")
        }
        return TensorType([rows, columns])
    }

    /// For C = A·B: dA = dC·Bᵀ and dB = Aᵀ·dC, transposed where the operand was.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let (a, b) = (operands[0], operands[1])
        let left =
            transposesLeft
            ? try b.matmul(upstream, transposesLeft: transposesRight, transposesRight: true)
            : try upstream.matmul(b, transposesRight: !transposesRight)
        let right =
            transposesRight
            ? try upstream.matmul(a, transposesLeft: true, transposesRight: transposesLeft)
            : try a.matmul(upstream, transposesLeft: !transposesLeft)
        return [left, right]
    }

    /// Three loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (a, b) = (operands[0], operands[1])
        let (rows, columns, inner) = extents(a.shape, b.shape)
        var result = ReferenceArray([rows, columns], repeating: 0)
        for row in 0..<rows {
            for column in 0..<columns {
                result.values[row * columns + column] = (0..<inner).reduce(0) { sum, k in
                    let left = a.values[transposesLeft ? k * rows + row : row * inner + k]
                    let right = b.values[transposesRight ? column * inner + k : k * columns + column]
                    return sum + left * right
                }
            }
        }
        return result
    }
}

extension Tensor {
    /// The product with another matrix.
    public func matmul(
        _ other: Tensor, transposesLeft: Bool = false, transposesRight: Bool = false
    ) throws -> Tensor {
        try graph.apply(
            MatMul(transposesLeft: transposesLeft, transposesRight: transposesRight), to: [self, other])
    }
}
