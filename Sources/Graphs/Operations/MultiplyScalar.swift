/// A tensor times a computed scalar; gradients of losses use it for the loss's own gradient.
public struct MultiplyScalar: Operation {
    /// `multiply-scalar`.
    public var name: String { "multiply-scalar" }

    /// Creates the operation.
    public init() {}

    /// The first operand's type; the second is a scalar.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        guard operands[1].shape == .scalar else {
            throw ShapeError("the factor is one number, got \(operands[1].shape)", remedy: "sum it first")
        }
        return operands[0]
    }

    /// d(x·s)/dx = s and d(x·s)/ds = Σ x.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.multiplied(byScalar: operands[1]), try (upstream * operands[0]).sum()]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].map { $0 * operands[1].values[0] }
    }
}

extension Tensor {
    /// The tensor times a computed scalar.
    public func multiplied(byScalar scalar: Tensor) throws -> Tensor {
        try graph.apply(MultiplyScalar(), to: [self, scalar])
    }
}
