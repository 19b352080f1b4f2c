#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The summed negative log-likelihood of integer labels: (logits [samples, classes], labels int32 [samples]) → scalar
/// Σ (log Σⱼ e^xⱼ − x_label). A sum, not a mean: the update divides once by the global count.
public struct SoftmaxCrossEntropy: Operation {
    /// `softmax-cross-entropy`.
    public var name: String { "softmax-cross-entropy" }

    /// Creates the operation.
    public init() {}

    /// A scalar, for one label a row.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers([operands[0]], name: name)
        let (logits, labels) = (operands[0], operands[1])
        guard logits.shape.rank == 2, logits.shape[1] >= 2 else {
            throw ShapeError(
                "softmax cross-entropy takes [samples, classes] with at least two classes, got \(logits.shape)",
                remedy: "end the model in a Dense layer as wide as there are classes")
        }
        guard labels.element == .int32, labels.shape == Shape([logits.shape[0]]) else {
            throw ShapeError(
                "labels are \(labels), expected int32 [\(logits.shape[0])]",
                remedy: "give one class id a sample")
        }
        return TensorType(.scalar)
    }

    /// softmax − one-hot, times the loss's own gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = try upstream.graph.apply(SoftmaxCrossEntropyGradient(), to: operands)
        return [try gradient.multiplied(byScalar: upstream), nil]
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let classes = operands[0].shape[1]
        var sum = 0.0
        for (sample, id) in operands[1].values.enumerated() {
            let label = row(Int(id), of: classes)
            let logits = Array(operands[0].values[sample * classes..<(sample + 1) * classes])
            let greatest = logits.max() ?? 0
            sum += greatest + log(logits.reduce(0) { $0 + exp($1 - greatest) }) - logits[label]
        }
        return ReferenceArray(sum)
    }
}

/// softmax(logits) − one-hot(labels): the gradient of ``SoftmaxCrossEntropy`` by its logits.
public struct SoftmaxCrossEntropyGradient: Operation {
    /// `softmax-cross-entropy-gradient`.
    public var name: String { "softmax-cross-entropy-gradient" }

    /// Creates the operation.
    public init() {}

    /// The logits' type.
    public func resultType(of operands: [TensorType]) throws -> TensorType { operands[0] }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let classes = operands[0].shape[1]
        var result = operands[0]
        for (sample, id) in operands[1].values.enumerated() {
            let label = row(Int(id), of: classes)
            let logits = Array(operands[0].values[sample * classes..<(sample + 1) * classes])
            let greatest = logits.max() ?? 0
            let total = logits.reduce(0) { $0 + exp($1 - greatest) }
            for column in 0..<classes {
                result.values[sample * classes + column] =
                    exp(logits[column] - greatest) / total - (column == label ? 1 : 0)
            }
        }
        return result
    }
}

extension Tensor {
    /// The summed cross-entropy of these logits with integer labels.
    public func softmaxCrossEntropy(labels: Tensor) throws -> Tensor {
        try graph.apply(SoftmaxCrossEntropy(), to: [self, labels])
    }
}
