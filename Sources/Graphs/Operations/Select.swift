/// One of two numbers by a condition: (condition, x, y), all of one shape → x where the condition is not 0, else y.
public struct Select: Operation {
    /// `select`.
    public var name: String { "select" }

    /// Creates the operation.
    public init() {}

    /// The common type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        guard operands[0] == operands[1], operands[1] == operands[2] else {
            let shapes = operands.map(\.shape.description).joined(separator: ", ")
            throw ShapeError(
                "select takes three tensors of one shape, got \(shapes)", remedy: "broadcast them first")
        }
        return operands[0]
    }

    /// Each gets the gradient where it was taken; the condition none.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let zero = upstream.graph.constant(0)
        return [nil, try operands[0].select(upstream, zero), try operands[0].select(zero, upstream)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let values = operands[0].values.indices.map {
            operands[operands[0].values[$0] != 0 ? 1 : 2].values[$0]
        }
        return .init(operands[0].shape, values)
    }
}

extension Tensor {
    /// `first` where this condition is not 0, else `second`, with NumPy's broadcasting of all three. What is not taken
    /// does not count, not even as NaN.
    /// - Throws: `LockstepError` when the shapes do not fit.
    public func select(_ first: Tensor, _ second: Tensor) throws -> Tensor {
        guard let pair = first.shape.broadcast(with: second.shape),
            let shape = pair.broadcast(with: self.shape)
        else {
            throw graph.refusal(
                "select cannot broadcast \(self.shape), \(first.shape) and \(second.shape)",
                remedy: "make the extents equal from the last axis on, or 1")
        }
        return try graph.apply(Select(), to: [self, first, second].map { try $0.broadcast(to: shape) })
    }
}
