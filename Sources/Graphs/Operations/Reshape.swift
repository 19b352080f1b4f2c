/// The same elements in the same order under another shape. Planned as an alias: it moves nothing.
public struct Reshape: Operation {
    /// The new extents.
    public let shape: Shape
    /// `reshape`.
    public var name: String { "reshape" }

    /// Creates the operation.
    public init(shape: Shape) { self.shape = shape }

    /// The new shape, when it holds as many elements.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard operands[0].shape.elementCount == shape.elementCount else {
            throw ShapeError(
                "cannot reshape \(operands[0].shape) (\(operands[0].shape.elementCount) elements) to \(shape)"
                    + " (\(shape.elementCount))", remedy: "keep the number of elements")
        }
        return TensorType(shape, operands[0].element)
    }

    /// The gradient under the old shape.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.reshaped(to: operands[0].shape)]
    }

    /// The same elements.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        .init(shape, operands[0].values)
    }
}

extension Tensor {
    /// The same elements under another shape; the tensor itself when the shape is its own.
    public func reshaped(to shape: Shape) throws -> Tensor {
        shape == self.shape ? self : try graph.apply(Reshape(shape: shape), to: [self])
    }
}
