/// A box cut out of a tensor: elements `starts[axis] ..< ends[axis]` of every axis.
public struct Slice: Operation {
    /// The first index of each axis.
    public let starts: [Int]
    /// The index after the last of each axis.
    public let ends: [Int]
    /// `slice`.
    public var name: String { "slice" }

    /// Creates the operation.
    public init(starts: [Int], ends: [Int]) {
        self.starts = starts
        self.ends = ends
    }

    /// The box's shape.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let shape = operands[0].shape
        guard starts.count == shape.rank, ends.count == shape.rank else {
            throw ShapeError(
                "a slice of \(shape) needs a range for each axis, got \(starts.count) starts and \(ends.count) ends",
                remedy: "give \(shape.rank) ranges")
        }
        try requireFewAxes(shape, name: name)
        for axis in starts.indices {
            guard starts[axis] >= 0, starts[axis] < ends[axis], ends[axis] <= shape[axis] else {
                throw ShapeError(
                    "slice \(starts[axis])..<\(ends[axis]) along axis \(axis) of \(shape)",
                    remedy: "cut at least one element within 0..<\(shape[axis])")
            }
        }
        return TensorType(Shape(zip(starts, ends).map { $1 - $0 }), operands[0].element)
    }

    /// The gradient in its place among zeros.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        guard operands[0].type.element == .float32 else { return [nil] }
        let after = zip(operands[0].shape.dimensions, ends).map { $0 - $1 }
        return [try upstream.padded(before: starts, after: after)]
    }

    /// Element by element.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (x, shape) = (operands[0], Shape(zip(starts, ends).map { $1 - $0 }))
        let values = (0..<shape.elementCount).map { element in
            x.values[x.shape.offset(of: zip(shape.index(of: element), starts).map { $0 + $1 })]
        }
        return .init(shape, values)
    }
}

/// Refuses more axes than kernels count up.
func requireFewAxes(_ shape: Shape, name: String) throws {
    guard shape.rank <= 8 else {
        throw ShapeError("\(name) of \(shape)", remedy: "use at most eight axes: reshape first")
    }
}

extension Shape {
    /// The index along each axis of an element by its row-major number.
    func index(of element: Int) -> [Int] {
        var (rest, index) = (element, dimensions)
        for axis in dimensions.indices.reversed() {
            index[axis] = rest % dimensions[axis]
            rest /= dimensions[axis]
        }
        return index
    }

    /// The row-major number of the element at an index.
    func offset(of index: [Int]) -> Int { zip(index, dimensions).reduce(0) { $0 * $1.1 + $1.0 } }
}

extension Tensor {
    /// The box of these ranges, one for each axis.
    /// - Throws: `LockstepError` naming the axis whose range does not fit.
    public func sliced(_ ranges: [Range<Int>]) throws -> Tensor {
        try graph.apply(Slice(starts: ranges.map(\.lowerBound), ends: ranges.map(\.upperBound)), to: [self])
    }

    /// A range of one axis and all of the others; a negative axis counts from the end.
    /// - Throws: `LockstepError` when axis or range do not fit.
    public func sliced(axis: Int, _ range: Range<Int>) throws -> Tensor {
        let front = shape.fromFront(axis)
        guard shape.dimensions.indices.contains(front) else {
            throw graph.refusal(
                "slice along axis \(axis) of \(shape)", remedy: "use an axis below \(shape.rank)")
        }
        guard range != 0..<shape[front] else { return self }
        var ranges = shape.dimensions.map { 0..<$0 }
        ranges[front] = range
        return try sliced(ranges)
    }

    /// Parts of these extents along an axis, which together are the whole; a negative axis counts from the end.
    /// - Throws: `LockstepError` when the extents do not add up to the axis.
    public func split(_ extents: [Int], axis: Int) throws -> [Tensor] {
        let front = shape.fromFront(axis)
        guard shape.dimensions.indices.contains(front), extents.allSatisfy({ $0 > 0 }),
            extents.reduce(0, +) == shape[front]
        else {
            throw graph.refusal(
                "split of \(shape) into \(extents) along axis \(axis)",
                remedy: "give positive extents that add up to that axis")
        }
        var start = 0
        return try extents.map { extent in
            defer { start += extent }
            return try sliced(axis: front, start..<(start + extent))
        }
    }
}
