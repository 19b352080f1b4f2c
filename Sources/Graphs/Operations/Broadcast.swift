/// Repeats a tensor along a new axis, or a scalar to a whole shape: the gradient of a sum.
public struct Broadcast: Operation {
    /// The shape of the result.
    public let shape: Shape
    /// The axis that is new; `nil` when the operand is a scalar.
    public let axis: Int?
    /// `broadcast`.
    public var name: String { "broadcast" }

    /// Creates the operation.
    public init(shape: Shape, axis: Int?) {
        self.shape = shape
        self.axis = axis
    }

    /// The result's shape, when the operand is it without the axis.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let expected = axis.map { shape.removing(axis: $0) } ?? .scalar
        guard operands[0].shape == expected else {
            throw ShapeError(
                "cannot broadcast \(operands[0].shape) to \(shape)", remedy: "use an operand of \(expected)")
        }
        return TensorType(shape)
    }

    /// The gradient summed along the axis.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.sum(axis: axis)]
    }

    /// A plain loop.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (outer, extent, inner) = axis.map { shape.split(at: $0) } ?? (1, shape.elementCount, 1)
        var values: [Double] = []
        values.reserveCapacity(shape.elementCount)
        for o in 0..<outer {
            for _ in 0..<extent { values += operands[0].values[(o * inner)..<((o + 1) * inner)] }
        }
        return .init(shape, values)
    }
}
