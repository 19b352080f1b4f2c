/// Rows along an axis by number: (x, ids int32 [...]) → x's shape with the axis replaced by the ids' shape, as NumPy's
/// `take`. An id outside the axis is a data error that the pipeline prevents; kernels read row 0 for it. Along axis 0,
/// the sample axis, it mixes samples: use that for parameters.
public struct Gather: Operation {
    /// The axis that the ids number.
    public let axis: Int
    /// `gather`.
    public var name: String { "gather" }

    /// Creates the operation.
    public init(axis: Int) { self.axis = axis }

    /// The shape with the axis replaced.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let (x, ids) = (operands[0], operands[1])
        try requireAxis(axis, of: x.shape, name: name)
        guard ids.element == .int32, x.shape[axis] > 0 else {
            throw ShapeError(
                "gather along axis \(axis) of \(x) by \(ids)", remedy: "give int32 ids and at least one row")
        }
        return TensorType(gathered(x.shape, ids.shape), x.element)
    }

    /// Every row's gradient is added to the row that it was read from.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        guard operands[0].type.element == .float32 else { return [nil, nil] }
        let scatter = GatherGradient(axis: axis, shape: operands[0].shape)
        return [try upstream.graph.apply(scatter, to: [operands[1], upstream]), nil]
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (x, ids) = (operands[0], operands[1])
        let (outer, extent, inner) = x.shape.split(at: axis)
        var values: [Double] = []
        for o in 0..<outer {
            for id in ids.values {
                let start = (o * extent + row(Int(id), of: extent)) * inner
                values += x.values[start..<(start + inner)]
            }
        }
        return .init(gathered(x.shape, ids.shape), values)
    }

    private func gathered(_ shape: Shape, _ ids: Shape) -> Shape {
        Shape(Array(shape.dimensions[..<axis]) + ids.dimensions + Array(shape.dimensions[(axis + 1)...]))
    }
}

/// Adds rows into zeros along an axis: (ids [...], rows) → the gathered tensor's shape, in the order of the ids.
public struct GatherGradient: Operation {
    /// The axis that the ids number.
    public let axis: Int
    /// The shape that was gathered from.
    public let shape: Shape
    /// `gather-gradient`.
    public var name: String { "gather-gradient" }

    /// Creates the operation.
    public init(axis: Int, shape: Shape) {
        self.axis = axis
        self.shape = shape
    }

    /// The shape that was gathered from.
    public func resultType(of operands: [TensorType]) throws -> TensorType { TensorType(shape) }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (ids, rows) = (operands[0].values, operands[1].values)
        let (outer, extent, inner) = shape.split(at: axis)
        var result = ReferenceArray(shape, repeating: 0)
        for o in 0..<outer {
            for (place, id) in ids.enumerated() {
                for i in 0..<inner {
                    result.values[(o * extent + row(Int(id), of: extent)) * inner + i] +=
                        rows[(o * ids.count + place) * inner + i]
                }
            }
        }
        return result
    }
}

extension Tensor {
    /// The rows along an axis that int32 ids name; a negative axis counts from the end.
    /// - Throws: `LockstepError` for an axis that is not there, or ids that are no integers.
    public func gathered(_ ids: Tensor, axis: Int) throws -> Tensor {
        try graph.apply(Gather(axis: shape.fromFront(axis)), to: [self, ids])
    }
}
