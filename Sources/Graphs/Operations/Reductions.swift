extension Tensor {
    /// The sum over some axes; negative ones count from the end.
    /// - Parameter keepsAxes: whether the axes stay, with extent 1.
    /// - Throws: `LockstepError` for axes that are not there or occur twice.
    public func sum(axes: [Int], keepsAxes: Bool = false) throws -> Tensor {
        let axes = try checked(axes, "sum")
        // Axes side by side go together, the last ones first: what remains for the others is then small.
        var (value, rest) = (self, axes)
        while let last = rest.last {
            var first = last
            while rest.count > 1, rest[rest.count - 2] == first - 1 {
                rest.removeLast()
                first -= 1
            }
            rest.removeLast()
            value = try value.joining(first...last).sum(axis: 1)
                .reshaped(to: value.shape.withoutAxes(Array(first...last)))
        }
        return keepsAxes ? try value.reshaped(to: shape.withOnes(axes)) : value
    }

    /// The mean over some axes; negative ones count from the end.
    /// - Parameter keepsAxes: whether the axes stay, with extent 1.
    /// - Throws: `LockstepError` for axes that are not there, occur twice or hold nothing.
    public func mean(axes: [Int], keepsAxes: Bool = false) throws -> Tensor {
        let count = try checked(axes, "mean").reduce(1) { $0 * shape[$1] }
        guard count > 0 else {
            throw graph.refusal("the mean of nothing (\(shape))", remedy: "give it at least one element")
        }
        return try sum(axes: axes, keepsAxes: keepsAxes).scaled(by: 1 / Double(count))
    }

    /// The greatest element over some axes, or over all; negative axes count from the end. Equal ones share the
    /// gradient evenly.
    /// - Parameter keepsAxes: whether the axes stay, with extent 1.
    /// - Throws: `LockstepError` for axes that are not there, occur twice or hold nothing.
    public func max(axes: [Int]? = nil, keepsAxes: Bool = false) throws -> Tensor {
        try extreme(axes, keepsAxes, isLeast: false)
    }

    /// The least element over some axes, or over all; negative axes count from the end. Equal ones share the gradient
    /// evenly.
    /// - Parameter keepsAxes: whether the axes stay, with extent 1.
    /// - Throws: `LockstepError` for axes that are not there, occur twice or hold nothing.
    public func min(axes: [Int]? = nil, keepsAxes: Bool = false) throws -> Tensor {
        try extreme(axes, keepsAxes, isLeast: true)
    }

    private func extreme(_ axes: [Int]?, _ keepsAxes: Bool, isLeast: Bool) throws -> Tensor {
        let name = isLeast ? "min" : "max"
        let axes = try checked(axes ?? Array(shape.dimensions.indices), name)
        guard axes.allSatisfy({ shape[$0] > 0 }) else {
            throw graph.refusal("the \(name) of nothing (\(shape))", remedy: "give it at least one element")
        }
        guard let (first, last) = axes.first.flatMap({ first in axes.last.map { (first, $0) } }) else {
            return self
        }
        var value = self
        if last - first + 1 == axes.count {
            value = try joining(first...last)
        } else {
            let kept = shape.dimensions.indices.filter { !axes.contains($0) }
            value = try permuted(kept + axes)
            value = try value.joining(kept.count...(shape.rank - 1))
        }
        let result = try graph.apply(Extreme(axis: 1, isLeast: isLeast), to: [value])
        return try result.reshaped(to: keepsAxes ? shape.withOnes(axes) : shape.withoutAxes(axes))
    }

    /// [outer, extent, inner] with some neighbouring axes as the extent.
    private func joining(_ axes: ClosedRange<Int>) throws -> Tensor {
        let extents = shape.dimensions
        return try reshaped(to: [
            extents[..<axes.lowerBound].reduce(1, *), extents[axes].reduce(1, *),
            extents[(axes.upperBound + 1)...].reduce(1, *),
        ])
    }

    /// Axes counted from the front, in order; refuses in the caller's words what the steps below would refuse in theirs.
    private func checked(_ axes: [Int], _ name: String) throws -> [Int] {
        do { try requireNumbers([type], name: name) } catch let error as ShapeError {
            throw graph.refusal(error.message, remedy: error.remedy)
        }
        let front = axes.map(shape.fromFront).sorted()
        guard Set(front).count == axes.count, front.allSatisfy(shape.dimensions.indices.contains) else {
            throw graph.refusal(
                "\(name) over axes \(axes) of \(shape)",
                remedy: "name each axis once, below \(shape.rank)")
        }
        return front
    }
}

extension Shape {
    func withoutAxes(_ axes: [Int]) -> Shape {
        Shape(dimensions.indices.filter { !axes.contains($0) }.map { dimensions[$0] })
    }

    func withOnes(_ axes: [Int]) -> Shape {
        Shape(dimensions.indices.map { axes.contains($0) ? 1 : dimensions[$0] })
    }
}
