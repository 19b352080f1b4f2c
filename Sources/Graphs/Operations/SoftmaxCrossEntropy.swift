#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The summed negative log-likelihood of integer labels: (logits [..., classes], labels int32 [...]) → scalar
/// Σ −Σ_c t_c·log softmax(x)_c over the rows whose label is not ``ignoredLabel``. The target t is 1 − ε at the label
/// plus ε / classes everywhere, ε being ``labelSmoothing``, as in PyTorch's `CrossEntropyLoss`. A sum, not a mean:
/// the update divides once by the global count (see ``CountLabels``).
public struct SoftmaxCrossEntropy: Operation {
    /// The label of rows that add neither loss nor gradient; `nil` when every row counts.
    public let ignoredLabel: Int?
    /// The share of the target that is spread evenly over all classes, in [0, 1].
    public let labelSmoothing: Double
    /// `softmax-cross-entropy`.
    public var name: String { "softmax-cross-entropy" }

    /// Creates the operation.
    public init(ignoredLabel: Int? = nil, labelSmoothing: Double = 0) {
        self.ignoredLabel = ignoredLabel
        self.labelSmoothing = labelSmoothing
    }

    /// A scalar, for one label a row.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers([operands[0]], name: name)
        let (logits, labels) = (operands[0], operands[1])
        guard logits.shape.rank >= 1, logits.shape[-1] >= 2 else {
            throw ShapeError(
                "softmax cross-entropy takes [..., classes] with at least two classes, got \(logits.shape)",
                remedy: "end the model in a Dense layer as wide as there are classes")
        }
        let rows = Shape(Array(logits.shape.dimensions.dropLast()))
        guard labels.element == .int32, labels.shape == rows else {
            throw ShapeError(
                "labels are \(labels), expected int32 \(rows) for logits \(logits.shape)",
                remedy: "give one class id for each row of logits")
        }
        guard (0...1).contains(labelSmoothing) else {
            throw ShapeError(
                "a label smoothing of \(labelSmoothing)", remedy: "use a share from 0 to 1")
        }
        return TensorType(.scalar)
    }

    /// softmax − target, times the loss's own gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let operation = SoftmaxCrossEntropyGradient(
            ignoredLabel: ignoredLabel, labelSmoothing: labelSmoothing)
        let gradient = try upstream.graph.apply(operation, to: operands)
        return [try gradient.multiplied(byScalar: upstream), nil]
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        var sum = 0.0
        for (row, label) in operands[1].values.enumerated() where Int(label) != ignoredLabel {
            let logarithms = logSoftmax(operands[0], row)
            let target = target(Int(label), classes: logarithms.count)
            sum -= zip(logarithms, target).reduce(0) { $0 + ($1.1 == 0 ? 0 : $1.0 * $1.1) }
        }
        return ReferenceArray(sum)
    }

    fileprivate func target(_ label: Int, classes: Int) -> [Double] {
        var target = Array(repeating: labelSmoothing / Double(classes), count: classes)
        target[row(label, of: classes)] += 1 - labelSmoothing
        return target
    }
}

/// The logarithm of the softmax of one row.
private func logSoftmax(_ logits: ReferenceArray, _ row: Int) -> [Double] {
    let classes = logits.shape[-1]
    let values = Array(logits.values[row * classes..<(row + 1) * classes])
    let greatest = values.max() ?? 0
    let logarithm = log(values.reduce(0) { $0 + exp($1 - greatest) })
    return values.map { $0 - greatest - logarithm }
}

/// softmax(logits) − target: the gradient of ``SoftmaxCrossEntropy`` by its logits; zero where the label is ignored.
public struct SoftmaxCrossEntropyGradient: Operation {
    /// The label of rows that get no gradient.
    public let ignoredLabel: Int?
    /// The share of the target that is spread evenly over all classes.
    public let labelSmoothing: Double
    /// `softmax-cross-entropy-gradient`.
    public var name: String { "softmax-cross-entropy-gradient" }

    /// Creates the operation.
    public init(ignoredLabel: Int? = nil, labelSmoothing: Double = 0) {
        self.ignoredLabel = ignoredLabel
        self.labelSmoothing = labelSmoothing
    }

    /// The logits' type.
    public func resultType(of operands: [TensorType]) throws -> TensorType { operands[0] }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let loss = SoftmaxCrossEntropy(ignoredLabel: ignoredLabel, labelSmoothing: labelSmoothing)
        let classes = operands[0].shape[-1]
        var result = ReferenceArray(operands[0].shape, repeating: 0)
        for (row, label) in operands[1].values.enumerated() where Int(label) != ignoredLabel {
            let target = loss.target(Int(label), classes: classes)
            for (column, logarithm) in logSoftmax(operands[0], row).enumerated() {
                result.values[row * classes + column] = exp(logarithm) - target[column]
            }
        }
        return result
    }
}

extension Tensor {
    /// The summed cross-entropy of these logits [..., classes] with integer labels [...].
    /// - Parameters:
    ///   - ignoredLabel: rows with this label count nowhere; PyTorch's usual one is −100.
    ///   - labelSmoothing: the share of the target that is spread evenly over all classes, in [0, 1].
    /// - Throws: `LockstepError` when logits and labels do not fit.
    public func softmaxCrossEntropy(
        labels: Tensor, ignoredLabel: Int? = nil, labelSmoothing: Double = 0
    ) throws -> Tensor {
        try graph.apply(
            SoftmaxCrossEntropy(ignoredLabel: ignoredLabel, labelSmoothing: labelSmoothing),
            to: [self, labels])
    }
}
