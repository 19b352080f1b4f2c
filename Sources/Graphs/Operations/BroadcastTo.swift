/// A tensor repeated to a larger shape by NumPy's rule: axes of extent 1, and axes that it lacks in front.
public struct BroadcastTo: Operation {
    /// The shape of the result.
    public let shape: Shape
    /// `broadcast-to`.
    public var name: String { "broadcast-to" }

    /// Creates the operation.
    public init(shape: Shape) { self.shape = shape }

    /// The larger shape.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard operands[0].shape.broadcast(with: shape) == shape else {
            throw ShapeError(
                "cannot broadcast \(operands[0].shape) to \(shape)",
                remedy: "make the extents equal from the last axis on, or 1")
        }
        try requireFewAxes(shape, name: name)
        return TensorType(shape, operands[0].element)
    }

    /// The gradient summed over the repetitions.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        guard operands[0].type.element == .float32 else { return [nil] }
        return [try upstream.summed(to: operands[0].shape)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].broadcast(to: shape)
    }
}

extension ReferenceArray {
    /// The array repeated to a larger shape.
    func broadcast(to larger: Shape) -> ReferenceArray {
        let added = larger.rank - shape.rank
        return ReferenceArray(
            larger,
            (0..<larger.elementCount).map { element in
                let index = larger.index(of: element).dropFirst(added)
                return values[shape.offset(of: Swift.zip(index, shape.dimensions).map { $1 == 1 ? 0 : $0 })]
            })
    }
}

extension Tensor {
    /// The tensor repeated to a larger shape; the tensor itself when the shape is its own.
    /// - Throws: `LockstepError` when the shapes do not fit.
    public func broadcast(to shape: Shape) throws -> Tensor {
        shape == self.shape ? self : try graph.apply(BroadcastTo(shape: shape), to: [self])
    }

    /// The sum over the axes along which a tensor of `shape` was repeated to become this one.
    func summed(to shape: Shape) throws -> Tensor {
        guard shape != self.shape else { return self }
        let repeated = self.shape.dimensions.indices.filter {
            shape.aligned($0, self.shape.rank) == 1 && self.shape[$0] != 1
        }
        return try sum(axes: repeated).reshaped(to: shape)
    }
}
