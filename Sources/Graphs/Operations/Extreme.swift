/// The greatest or the least element along an axis. NaN is both.
public struct Extreme: Operation {
    /// The axis that goes.
    public let axis: Int
    /// Whether it is the least.
    public let isLeast: Bool
    /// `max` or `min`.
    public var name: String { isLeast ? "min" : "max" }

    /// Creates the operation.
    public init(axis: Int, isLeast: Bool) {
        self.axis = axis
        self.isLeast = isLeast
    }

    /// The shape without the axis.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        let type = try reducedType(of: operands[0], axis: axis, name: name)
        guard operands[0].shape[axis] > 0 else {
            throw ShapeError(
                "the \(name) of nothing (\(operands[0].shape))", remedy: "give it at least one element")
        }
        return type
    }

    /// The gradient at the extreme elements; equal ones share it evenly.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let x = operands[0]
        let kept = x.shape.replacing(axis: axis, with: 1)
        let isExtreme = try x.equal(to: result.reshaped(to: kept))
        let share = try upstream / isExtreme.sum(axis: axis)
        return [try isExtreme * share.reshaped(to: kept)]
    }

    /// A plain loop.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (x, places) = (operands[0], operands[0].placesOfExtremes(axis: axis, isLeast: isLeast))
        let (_, extent, inner) = x.shape.split(at: axis)
        let values = places.enumerated().map { index, place in
            x.values[(index / inner * extent + place) * inner + index % inner]
        }
        return .init(x.shape.removing(axis: axis), values)
    }
}

/// Where the greatest element stands along an axis: the first of equal ones, as int32. No gradient flows through it.
public struct ArgMax: Operation {
    /// The axis that goes.
    public let axis: Int
    /// `argmax`.
    public var name: String { "argmax" }

    /// Creates the operation.
    public init(axis: Int) { self.axis = axis }

    /// int32, the shape without the axis.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        TensorType(try Extreme(axis: axis, isLeast: false).resultType(of: operands).shape, .int32)
    }

    /// None.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] { [nil] }

    /// A plain loop.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let places = operands[0].placesOfExtremes(axis: axis, isLeast: false)
        return .init(operands[0].shape.removing(axis: axis), places.map(Double.init))
    }
}

extension ReferenceArray {
    /// For each place outside of an axis, where along it the extreme element stands first.
    func placesOfExtremes(axis: Int, isLeast: Bool) -> [Int] {
        let (outer, extent, inner) = shape.split(at: axis)
        return (0..<(outer * inner)).map { index in
            func value(_ e: Int) -> Double { values[(index / inner * extent + e) * inner + index % inner] }
            var place = 0
            for e in 0..<extent where !value(place).isNaN {
                let (new, best) = (value(e), value(place))
                if new.isNaN || (isLeast ? new < best : new > best) { place = e }
            }
            return place
        }
    }
}

extension Tensor {
    /// Where the greatest element stands along an axis (the last by default), int32: a class by its logits.
    /// - Throws: `LockstepError` for an axis that is not there.
    public func argMax(axis: Int = -1) throws -> Tensor {
        try graph.apply(ArgMax(axis: shape.fromFront(axis)), to: [self])
    }
}
