/// The summed squared error: (predictions [...], targets float32 of as many elements) → scalar Σ (p − t)².
public struct SquaredError: Operation {
    /// `squared-error`.
    public var name: String { "squared-error" }

    /// Creates the operation.
    public init() {}

    /// A scalar, for one target a prediction.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard operands[0].shape.elementCount == operands[1].shape.elementCount,
            operands.allSatisfy({ $0.element == .float32 })
        else {
            throw ShapeError(
                "squared error takes one float32 target a prediction, got \(operands[0]) and \(operands[1])",
                remedy: "end the model in a Dense layer as wide as the target")
        }
        return TensorType(.scalar)
    }

    /// 2(p − t), times the loss's own gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = try upstream.graph.apply(SquaredErrorGradient(), to: operands)
        return [try gradient.multiplied(byScalar: upstream), nil]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        ReferenceArray(
            zip(operands[0].values, operands[1].values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
    }
}

/// 2(p − t): the gradient of ``SquaredError`` by its predictions.
public struct SquaredErrorGradient: Operation {
    /// `squared-error-gradient`.
    public var name: String { "squared-error-gradient" }

    /// Creates the operation.
    public init() {}

    /// The predictions' type.
    public func resultType(of operands: [TensorType]) throws -> TensorType { operands[0] }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        .init(operands[0].shape, zip(operands[0].values, operands[1].values).map { 2 * ($0 - $1) })
    }
}

extension Tensor {
    /// The summed squared error of these predictions.
    public func squaredError(targets: Tensor) throws -> Tensor {
        try graph.apply(SquaredError(), to: [self, targets])
    }
}
