import CKernels
import Graphs

extension GatherWithin: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, ids, y) = (site.operands[0], site.operands[1], site.results[0])
        let (samples, rows, width) = x.type.shape.split(at: 1)
        let count = ids.type.shape[1]
        let (xType, yType) = (x.kernelType, y.kernelType)
        let xStride = rows * width * x.type.element.byteCount
        let yStride = count * width * y.type.element.byteCount
        return Instruction(label: name) { frame in
            for sample in 0..<samples {
                lk_gather(
                    x.slot.bytes(frame) + sample * xStride, xType, ids.slot.integers(frame) + sample * count,
                    count, 1, rows, width, y.slot.bytes(frame) + sample * yStride, yType)
            }
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension GatherWithinGradient: Lowerable {
    var precision: PrecisionRule { .follows(operands: [1], results: []) }

    func lower(_ site: Site) throws -> Instruction {
        let (ids, dy, dx) = (site.operands[0], site.operands[1], site.results[0].slot)
        let (samples, count, width) = dy.type.shape.split(at: 1)
        let (type, stride, rows) = (dy.kernelType, count * width * dy.type.element.byteCount, rows)
        return Instruction(label: name) { frame in
            for sample in 0..<samples {
                lk_gather_gradient(
                    ids.slot.integers(frame) + sample * count, count, dy.slot.bytes(frame) + sample * stride,
                    type, 1, rows, width, dx.floats(frame) + sample * rows * width)
            }
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[1].shape.elementCount }
}
