/// The sum over one axis, or over everything.
public struct Sum: Operation {
    /// The axis that goes; `nil` sums all elements to a scalar.
    public let axis: Int?
    /// `sum`.
    public var name: String { "sum" }

    /// Creates the operation.
    public init(axis: Int?) { self.axis = axis }

    /// The shape without the axis.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try reducedType(of: operands[0], axis: axis, name: name)
    }

    /// The gradient repeated along the axis.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        [try upstream.graph.apply(Broadcast(shape: operands[0].shape, axis: axis), to: [upstream])]
    }

    /// A plain loop.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        operands[0].summed(axis: axis)
    }
}

/// The type of a reduction over an axis, or over everything.
func reducedType(of operand: TensorType, axis: Int?, name: String) throws -> TensorType {
    try requireNumbers([operand], name: name)
    guard let axis else { return TensorType(.scalar) }
    guard operand.shape.dimensions.indices.contains(axis) else {
        throw ShapeError(
            "\(name) over axis \(axis) of \(operand.shape)", remedy: "use an axis below \(operand.shape.rank)"
        )
    }
    return TensorType(operand.shape.removing(axis: axis))
}

extension ReferenceArray {
    /// The sum over an axis, or over everything.
    func summed(axis: Int?) -> ReferenceArray {
        guard let axis else { return ReferenceArray(values.reduce(0, +)) }
        let (outer, extent, inner) = shape.split(at: axis)
        var result = ReferenceArray(shape.removing(axis: axis), repeating: 0)
        for o in 0..<outer {
            for e in 0..<extent {
                for i in 0..<inner { result.values[o * inner + i] += values[(o * extent + e) * inner + i] }
            }
        }
        return result
    }
}

extension Tensor {
    /// The sum over an axis, or over everything.
    public func sum(axis: Int? = nil) throws -> Tensor { try graph.apply(Sum(axis: axis), to: [self]) }
}
