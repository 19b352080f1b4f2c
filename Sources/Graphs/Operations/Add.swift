/// The sum of two tensors of the same shape.
public struct Add: Operation {
    /// `add`.
    public var name: String { "add" }

    /// Creates the operation.
    public init() {}

    /// The common type of both operands.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try elementwiseType(of: operands, name: name)
    }

    /// Both operands get the gradient as it is.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [upstream, upstream]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].zip(operands[1], +)
    }
}

/// The type that elementwise operations of two operands share.
func elementwiseType(of operands: [TensorType], name: String) throws -> TensorType {
    guard operands[0] == operands[1], operands[0].element == .float32 else {
        throw ShapeError(
            "\(name) takes two tensors of one shape, got \(operands[0]) and \(operands[1])",
            remedy: "reshape one of them")
    }
    return operands[0]
}

extension Tensor {
    /// The sum, element by element, with NumPy's broadcasting.
    /// - Throws: `LockstepError` when the shapes do not fit.
    public static func + (left: Tensor, right: Tensor) throws -> Tensor { try added(left, right) }
}
