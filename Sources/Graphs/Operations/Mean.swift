/// The mean over one axis, or over everything.
public struct Mean: Operation {
    /// The axis that goes; `nil` averages all elements to a scalar.
    public let axis: Int?
    /// `mean`.
    public var name: String { "mean" }

    /// Creates the operation.
    public init(axis: Int?) { self.axis = axis }

    /// How many elements go into one mean.
    public func divisor(_ shape: Shape) -> Int { axis.map { shape[$0] } ?? shape.elementCount }

    /// The shape without the axis.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let type = try reducedType(of: operands[0], axis: axis, name: name)
        guard divisor(operands[0].shape) > 0 else {
            throw ShapeError(
                "the mean of nothing (\(operands[0].shape))", remedy: "give it at least one element")
        }
        return type
    }

    /// The gradient divided by the number of elements and repeated along the axis.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let share = try upstream.scaled(by: 1 / Double(divisor(operands[0].shape)))
        return [try upstream.graph.apply(Broadcast(shape: operands[0].shape, axis: axis), to: [share])]
    }

    /// A plain loop.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let divisor = Double(divisor(operands[0].shape))
        return operands[0].summed(axis: axis).map { $0 / divisor }
    }
}

extension Tensor {
    /// The mean over an axis, or over everything.
    public func mean(axis: Int? = nil) throws -> Tensor { try graph.apply(Mean(axis: axis), to: [self]) }
}
