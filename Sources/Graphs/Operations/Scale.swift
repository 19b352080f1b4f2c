/// A tensor times a number known while tracing.
public struct Scale: Operation {
    /// The number.
    public let factor: Double
    /// `scale`.
    public var name: String { "scale" }

    /// Creates the operation.
    public init(factor: Double) { self.factor = factor }

    /// The operand's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        return operands[0]
    }

    /// The gradient times the same number.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.scaled(by: factor)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].map { $0 * factor }
    }
}

extension Tensor {
    /// The tensor times a number.
    public func scaled(by factor: Double) throws -> Tensor {
        try graph.apply(Scale(factor: factor), to: [self])
    }
}
