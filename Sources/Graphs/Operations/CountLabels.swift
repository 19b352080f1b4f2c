/// How many labels count: int32 [...] → scalar, the number of labels that are not ``ignoredLabel``.
/// Held as float32, which is exact up to 2²⁴ labels a micro-batch.
public struct CountLabels: Operation {
    /// The label that does not count.
    public let ignoredLabel: Int
    /// `count-labels`.
    public var name: String { "count-labels" }

    /// Creates the operation.
    public init(ignoredLabel: Int) { self.ignoredLabel = ignoredLabel }

    /// A scalar, for labels.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard operands[0].element == .int32 else {
            throw ShapeError("labels to count are \(operands[0])", remedy: "give int32 class ids")
        }
        return TensorType(.scalar)
    }

    /// None: labels are integers.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] { [nil] }

    /// One by one.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        ReferenceArray(Double(operands[0].values.count { Int($0) != ignoredLabel }))
    }
}

extension Tensor {
    /// How many of these labels are not `ignoredLabel`.
    /// - Throws: `LockstepError` when this tensor does not hold integers.
    public func countLabels(ignoredLabel: Int) throws -> Tensor {
        try graph.apply(CountLabels(ignoredLabel: ignoredLabel), to: [self])
    }
}
