/// Tensors one behind the other along an axis; all other extents are equal. Joining along axis 0, the sample axis,
/// mixes samples: use it for parameters.
public struct Concatenate: Operation {
    /// The axis along which they are joined.
    public let axis: Int
    /// `concatenate`.
    public var name: String { "concatenate" }

    /// Creates the operation.
    public init(axis: Int) { self.axis = axis }

    /// The first shape with the axis as long as all together.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        guard let first = operands.first else {
            throw ShapeError("concatenate of no tensors", remedy: "give it at least one")
        }
        try requireAxis(axis, of: first.shape, name: name)
        for (place, operand) in operands.enumerated() {
            guard operand.element == first.element, operand.shape.rank == first.shape.rank,
                operand.shape.removing(axis: axis) == first.shape.removing(axis: axis)
            else {
                throw ShapeError(
                    "concatenate along axis \(axis): operand \(place) is \(operand), the first is \(first)",
                    remedy: "make all extents but that of axis \(axis) equal")
            }
        }
        let extent = operands.reduce(0) { $0 + $1.shape[axis] }
        return TensorType(first.shape.replacing(axis: axis, with: extent), first.element)
    }

    /// Each operand gets its part of the gradient.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        var start = 0
        return try operands.map { operand in
            defer { start += operand.shape[axis] }
            guard operand.type.element == .float32 else { return nil }
            return try upstream.sliced(axis: axis, start..<(start + operand.shape[axis]))
        }
    }

    /// A plain loop.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let outer = operands[0].shape.split(at: axis).outer
        var values: [Double] = []
        for o in 0..<outer {
            for operand in operands {
                let count = operand.values.count / max(outer, 1)
                values += operand.values[(o * count)..<((o + 1) * count)]
            }
        }
        let extent = operands.reduce(0) { $0 + $1.shape[axis] }
        return .init(operands[0].shape.replacing(axis: axis, with: extent), values)
    }
}

/// Refuses an axis that a shape does not have.
func requireAxis(_ axis: Int, of shape: Shape, name: String) throws {
    guard shape.dimensions.indices.contains(axis) else {
        throw ShapeError(
            "\(name) along axis \(axis) of \(shape)",
            remedy: shape.rank == 0
                ? "reshape the scalar first"
                : "use an axis from 0 to \(shape.rank - 1), or a negative one from the end")
    }
}

extension Shape {
    /// The shape with another extent along an axis.
    public func replacing(axis: Int, with extent: Int) -> Shape {
        var changed = dimensions
        changed[axis] = extent
        return Shape(changed)
    }

    /// An axis counted from the front; a negative one counts from the end. It may still be out of range.
    func fromFront(_ axis: Int) -> Int { axis < 0 ? axis + rank : axis }
}

extension Graph {
    /// Tensors one behind the other along an axis; a negative axis counts from the end.
    /// - Throws: `LockstepError` for no tensors, or shapes that do not fit.
    public func concatenate(_ tensors: [Tensor], axis: Int) throws -> Tensor {
        let front = tensors.first?.shape.fromFront(axis) ?? axis
        return try apply(Concatenate(axis: front), to: tensors)
    }
}

extension Tensor {
    /// This tensor with another behind it along an axis; a negative axis counts from the end.
    public func concatenated(with other: Tensor, axis: Int) throws -> Tensor {
        try graph.concatenate([self, other], axis: axis)
    }
}
