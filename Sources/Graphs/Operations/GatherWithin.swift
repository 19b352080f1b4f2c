/// Of every sample some of its own rows, by number: (x [samples, rows, ...], ids int32 [samples, k]) → [samples, k, ...].
/// An id outside the rows is a data error that the pipeline prevents; kernels read row 0 for it.
public struct GatherWithin: Operation {
    /// `gather-within`.
    public var name: String { "gather-within" }

    /// Creates the operation.
    public init() {}

    /// The shape with the rows replaced.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let (x, ids) = (operands[0], operands[1])
        guard x.shape.rank >= 2, x.shape[1] > 0, ids.element == .int32, ids.shape.rank == 2,
            ids.shape[0] == x.shape[0], ids.shape[1] > 0
        else {
            throw ShapeError(
                "rows of each sample of \(x) by \(ids)",
                remedy: "give [samples, rows, ...] and int32 ids [samples, at least one]")
        }
        return TensorType(Self.gathered(x.shape, ids.shape[1]), x.element)
    }

    /// Every row's gradient is added to the row that it was read from.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        guard operands[0].type.element == .float32 else { return [nil, nil] }
        let scatter = GatherWithinGradient(rows: operands[0].shape[1])
        return [try upstream.graph.apply(scatter, to: [operands[1], upstream]), nil]
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (x, ids) = (operands[0], operands[1])
        let (samples, rows, width) = x.shape.split(at: 1)
        let count = ids.shape[1]
        let values = (0..<(samples * count)).flatMap { place in
            let start = (place / count * rows + row(Int(ids.values[place]), of: rows)) * width
            return x.values[start..<(start + width)]
        }
        return .init(Self.gathered(x.shape, count), values)
    }

    fileprivate static func gathered(_ shape: Shape, _ rows: Int) -> Shape {
        Shape([shape[0], rows] + shape.dimensions[2...])
    }
}

/// Adds rows into zeros within each sample: (ids [samples, k], rows [samples, k, ...]) → [samples, rows, ...], in the order of
/// the ids.
public struct GatherWithinGradient: Operation {
    /// The rows of a sample that were gathered from.
    public let rows: Int
    /// `gather-within-gradient`.
    public var name: String { "gather-within-gradient" }

    /// Creates the operation.
    public init(rows: Int) { self.rows = rows }

    /// The shape that was gathered from.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        TensorType(GatherWithin.gathered(operands[1].shape, rows))
    }

    /// Row by row.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (ids, upstream) = (operands[0], operands[1])
        let (count, width) = (ids.shape[1], upstream.shape.split(at: 1).inner)
        var result = ReferenceArray(GatherWithin.gathered(upstream.shape, rows), repeating: 0)
        for place in ids.values.indices {
            let start = (place / count * rows + row(Int(ids.values[place]), of: rows)) * width
            for i in 0..<width { result.values[start + i] += upstream.values[place * width + i] }
        }
        return result
    }
}

extension Tensor {
    /// Of every sample the rows that its int32 ids [samples, k] name.
    /// - Throws: `LockstepError` for shapes that do not fit, or ids that are no integers.
    public func gatheredWithin(_ ids: Tensor) throws -> Tensor {
        try graph.apply(GatherWithin(), to: [self, ids])
    }
}
