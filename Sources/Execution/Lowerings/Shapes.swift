import CKernels
import Graphs

extension Concatenate: Lowerable {
    var precision: PrecisionRule { .follows(operands: Array(0..<Self.typedOperands), results: [0]) }
    /// Operands beyond this many stay float32.
    private static var typedOperands: Int { 64 }

    func lower(_ site: Site) throws -> Instruction {
        let y = site.results[0]
        let (outer, total, inner) = y.type.shape.split(at: axis)
        var start = 0
        let parts = site.operands.map { x in
            let extent = x.type.shape[axis]
            let copy = StridedCopy(
                [outer, extent * inner], x: [extent * inner, 1], y: [total * inner, 1], yOffset: start * inner
            )
            start += extent
            return copy.instruction(name, x, y)
        }
        return Instruction(label: name) { frame in for part in parts { try part.run(frame) } }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Slice: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let strides = x.type.shape.strides
        let copy = StridedCopy(
            y.type.shape.dimensions, x: strides, y: y.type.shape.strides,
            xOffset: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 })
        return copy.instruction(name, x, y)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Pad: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (x, y, value) = (site.operands[0], site.results[0], Float(value))
        let (strides, count) = (y.type.shape.strides, y.type.shape.elementCount)
        let copy = StridedCopy(
            x.type.shape.dimensions, x: x.type.shape.strides, y: strides,
            yOffset: zip(before, strides).reduce(0) { $0 + $1.0 * $1.1 }
        ).instruction(name, x, y)
        return Instruction(label: name) { frame in
            y.slot.floats(frame).update(repeating: value, count: count)
            try copy.run(frame)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Transpose: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let strides = x.type.shape.strides
        return StridedCopy(y.type.shape.dimensions, x: order.map { strides[$0] }, y: y.type.shape.strides)
            .instruction(name, x, y)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
