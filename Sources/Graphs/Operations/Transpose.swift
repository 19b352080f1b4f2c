/// Axes in another order: axis i of the result is axis `order[i]` of the operand.
public struct Transpose: Operation {
    /// Which axis of the operand stands at each place.
    public let order: [Int]
    /// `transpose`.
    public var name: String { "transpose" }

    /// Creates the operation.
    public init(order: [Int]) { self.order = order }

    /// The extents in the new order.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let shape = operands[0].shape
        guard order.sorted() == Array(shape.dimensions.indices) else {
            throw ShapeError(
                "axes \(order) are no order of the axes of \(shape)",
                remedy: "name each axis from 0 to \(shape.rank - 1) once")
        }
        try requireFewAxes(shape, name: name)
        return TensorType(Shape(order.map { shape[$0] }), operands[0].element)
    }

    /// The gradient in the old order.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        guard operands[0].type.element == .float32 else { return [nil] }
        var back = order
        for (place, axis) in order.enumerated() { back[axis] = place }
        return [try upstream.permuted(back)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let x = operands[0]
        let shape = Shape(order.map { x.shape[$0] })
        let values = (0..<shape.elementCount).map { element in
            var index = order
            for (place, i) in shape.index(of: element).enumerated() { index[order[place]] = i }
            return x.values[x.shape.offset(of: index)]
        }
        return .init(shape, values)
    }
}

extension Tensor {
    /// The axes in another order: axis i of the result is axis `order[i]` of this tensor. The tensor itself when the
    /// order is the old one.
    /// - Throws: `LockstepError` when `order` does not name each axis once.
    public func permuted(_ order: [Int]) throws -> Tensor {
        order == Array(shape.dimensions.indices) ? self : try graph.apply(Transpose(order: order), to: [self])
    }

    /// The last two axes exchanged.
    /// - Throws: `LockstepError` for a tensor of fewer than two axes.
    public func transposed() throws -> Tensor {
        guard shape.rank >= 2 else { return try permuted([1, 0]) }
        return try permuted(Array(0..<(shape.rank - 2)) + [shape.rank - 1, shape.rank - 2])
    }
}
