#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The summed binary cross-entropy: (logits [...], targets float32 or int32 of as many elements) → scalar
/// Σ max(x, 0) − x·y + log(1 + e^−|x|), the form that never overflows.
public struct SigmoidCrossEntropy: Operation {
    /// `sigmoid-cross-entropy`.
    public var name: String { "sigmoid-cross-entropy" }

    /// Creates the operation.
    public init() {}

    /// A scalar, for one target a logit.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers([operands[0]], name: name)
        guard operands[0].shape.elementCount == operands[1].shape.elementCount else {
            throw ShapeError(
                "sigmoid cross-entropy takes one target a logit, got \(operands[0].shape) and \(operands[1].shape)",
                remedy: "end the model in a Dense layer of width 1")
        }
        return TensorType(.scalar)
    }

    /// sigmoid(x) − y, times the loss's own gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = try upstream.graph.apply(SigmoidCrossEntropyGradient(), to: operands)
        return [try gradient.multiplied(byScalar: upstream), nil]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        var sum = 0.0
        for (x, y) in zip(operands[0].values, operands[1].values) {
            sum += max(x, 0) - x * y + log1p(exp(-abs(x)))
        }
        return ReferenceArray(sum)
    }
}

/// sigmoid(x) − y: the gradient of ``SigmoidCrossEntropy`` by its logits.
public struct SigmoidCrossEntropyGradient: Operation {
    /// `sigmoid-cross-entropy-gradient`.
    public var name: String { "sigmoid-cross-entropy-gradient" }

    /// Creates the operation.
    public init() {}

    /// The logits' type.
    public func resultType(of operands: [TensorType]) throws -> TensorType { operands[0] }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        .init(operands[0].shape, zip(operands[0].values, operands[1].values).map { 1 / (1 + exp(-$0)) - $1 })
    }
}

extension Tensor {
    /// The summed binary cross-entropy of these logits with targets in [0, 1].
    public func sigmoidCrossEntropy(targets: Tensor) throws -> Tensor {
        try graph.apply(SigmoidCrossEntropy(), to: [self, targets])
    }
}
