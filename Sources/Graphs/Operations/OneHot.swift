/// Ids as rows of zeros with a one: int32 [...] → float32 [..., classes]. An id outside the classes gives zeros.
public struct OneHot: Operation {
    /// The width of a row.
    public let classes: Int
    /// `one-hot`.
    public var name: String { "one-hot" }

    /// Creates the operation.
    public init(classes: Int) { self.classes = classes }

    /// The ids' shape with the classes appended.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard operands[0].element == .int32, classes > 0 else {
            throw ShapeError(
                "one-hot of \(operands[0]) over \(classes) classes",
                remedy: "give int32 ids and at least one class")
        }
        return TensorType(Shape(operands[0].shape.dimensions + [classes]))
    }

    /// None: ids are integers.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] { [nil] }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let values = operands[0].values.flatMap { id in (0..<classes).map { Double($0) == id ? 1.0 : 0.0 } }
        return .init(Shape(operands[0].shape.dimensions + [classes]), values)
    }
}

extension Tensor {
    /// These int32 ids as rows of zeros with a one.
    /// - Throws: `LockstepError` when this tensor does not hold ids.
    public func oneHot(classes: Int) throws -> Tensor {
        try graph.apply(OneHot(classes: classes), to: [self])
    }
}
