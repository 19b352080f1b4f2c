/// A tensor in a larger one that holds a constant elsewhere.
public struct Pad: Operation {
    /// Elements before the tensor along each axis.
    public let before: [Int]
    /// Elements behind it along each axis.
    public let after: [Int]
    /// What the new elements hold.
    public let value: Double
    /// `pad`.
    public var name: String { "pad" }

    /// Creates the operation.
    public init(before: [Int], after: [Int], value: Double = 0) {
        self.before = before
        self.after = after
        self.value = value
    }

    /// The larger shape.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let shape = operands[0].shape
        guard before.count == shape.rank, after.count == shape.rank, (before + after).allSatisfy({ $0 >= 0 })
        else {
            throw ShapeError(
                "padding \(shape) by \(before) before and \(after) after",
                remedy: "give \(shape.rank) counts of at least zero on each side")
        }
        try requireFewAxes(shape, name: name)
        return TensorType(padded(shape))
    }

    /// The part of the gradient where the tensor lies.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let extents = operands[0].shape.dimensions
        return [try upstream.sliced(zip(before, extents).map { $0..<($0 + $1) })]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let x = operands[0]
        var result = ReferenceArray(padded(x.shape), repeating: value)
        for (element, value) in x.values.enumerated() {
            let index = zip(x.shape.index(of: element), before).map { $0 + $1 }
            result.values[result.shape.offset(of: index)] = value
        }
        return result
    }

    private func padded(_ shape: Shape) -> Shape {
        Shape(shape.dimensions.indices.map { before[$0] + shape[$0] + after[$0] })
    }
}

extension Tensor {
    /// The tensor with `before` and `after` more elements of `value` along each axis.
    /// - Throws: `LockstepError` when the counts do not fit the axes.
    public func padded(before: [Int], after: [Int], value: Double = 0) throws -> Tensor {
        try graph.apply(Pad(before: before, after: after, value: value), to: [self])
    }
}
