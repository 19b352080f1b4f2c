#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Rotary positions (Su et al., "RoFormer", 2021): turns each head's pairs of numbers by an angle that grows with the
/// position, so that a product of query and key depends on their distance.
///
/// The operand is [batch, tokens, …] with heads of `width` numbers side by side; the first `heads` of them turn, what
/// follows (values of a packed projection) stays. Pair i of a head is its numbers i and i + width/2, as in GPT-NeoX and
/// Llama; at token t it turns by t / base^(2i/width). With a capacity, the places are a second operand, int32
/// [batch, tokens], each below the capacity: for decoding.
public struct Rotate: Operation {
    /// Heads that turn.
    public let heads: Int
    /// Numbers a head.
    public let width: Int
    /// The base of the angles' geometric sequence.
    public let base: Double
    /// Whether it turns back, as the gradient does.
    public let isInverse: Bool
    /// Places that there are, where they are an operand; `nil` where token t stands at place t.
    public let capacity: Int?
    /// `rotate`.
    public var name: String { isInverse ? "rotate-back" : "rotate" }

    /// Creates the operation.
    public init(
        heads: Int, width: Int, base: Double = 10_000, isInverse: Bool = false, capacity: Int? = nil
    ) {
        self.capacity = capacity
        self.heads = heads
        self.width = width
        self.base = base
        self.isInverse = isInverse
    }

    /// The operand's type, when the heads fit into it.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(Array(operands.prefix(1)), name: name)
        try requirePositions(operands, capacity, name: name)
        let shape = operands[0].shape
        guard shape.rank == 3, heads > 0, width > 0, heads * width <= shape[2] else {
            throw ShapeError(
                "rotary positions take [batch, tokens, …] with \(heads) heads of \(width), got \(shape)",
                remedy: "rotate the result of a projection to heads")
        }
        guard width % 2 == 0 else {
            throw ShapeError(
                "rotary positions turn pairs of numbers, a head has \(width)",
                remedy: "use heads of an even width")
        }
        guard base > 1, base.isFinite else {
            throw ShapeError(
                "a base of rotary positions of \(base)", remedy: "use a number above 1, such as 10000")
        }
        return operands[0]
    }

    /// The gradient turns back.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let back = Rotate(heads: heads, width: width, base: base, isInverse: !isInverse)
        return [try upstream.graph.apply(back, to: [upstream])]
    }

    /// Cosine and sine of a pair's angle at a token.
    package func turn(token: Int, pair: Int) -> (cosine: Double, sine: Double) {
        let angle = Double(token) * pow(base, -2 * Double(pair) / Double(width)) * (isInverse ? -1 : 1)
        return (cos(angle), sin(angle))
    }

    /// Pair by pair.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (rows, row) = (operands[0].shape[0] * operands[0].shape[1], operands[0].shape[2])
        var result = operands[0]
        for token in 0..<rows {
            for head in 0..<heads {
                for pair in 0..<(width / 2) {
                    let turn = turn(token: place(ofRow: token, operands, capacity), pair: pair)
                    let first = token * row + head * width + pair
                    let (x, y) = (operands[0].values[first], operands[0].values[first + width / 2])
                    result.values[first] = x * turn.cosine - y * turn.sine
                    result.values[first + width / 2] = x * turn.sine + y * turn.cosine
                }
            }
        }
        return result
    }
}

extension Tensor {
    /// These tokens [batch, tokens, …] with the first heads turned by position.
    /// - Parameter positions: the places of the tokens, int32 [batch, tokens], and how many places there are.
    public func rotated(
        heads: Int, width: Int, base: Double = 10_000, at positions: (ids: Tensor, capacity: Int)? = nil
    ) throws -> Tensor {
        try graph.apply(
            Rotate(heads: heads, width: width, base: base, capacity: positions?.capacity),
            to: [self] + (positions.map { [$0.ids] } ?? []))
    }
}
