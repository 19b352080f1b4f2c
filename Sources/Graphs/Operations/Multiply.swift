/// The product of two tensors of the same shape, element by element.
public struct Multiply: Operation {
    /// `multiply`.
    public var name: String { "multiply" }

    /// Creates the operation.
    public init() {}

    /// The common type of both operands.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: operands, name: name)
    }

    /// Each operand gets the gradient times the other.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream * operands[1], try upstream * operands[0]]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].zip(operands[1], *)
    }
}

extension Tensor {
    /// The product, element by element, with NumPy's broadcasting.
    /// - Throws: `LockstepError` when the shapes do not fit.
    public static func * (left: Tensor, right: Tensor) throws -> Tensor { try multiplied(left, right) }
}
