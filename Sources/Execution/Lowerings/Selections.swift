import CKernels
import Graphs

extension Select: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (condition, x, y) = (site.operands[0].slot, site.operands[1].slot, site.operands[2].slot)
        let (z, count) = (site.results[0].slot, site.results[0].type.shape.elementCount)
        return Instruction(label: name) {
            lk_choose(condition.floats($0), x.floats($0), y.floats($0), z.floats($0), count)
        }
    }
}

extension Extreme: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: []) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, type) = (site.operands[0], site.results[0].slot, site.operands[0].kernelType)
        let (outer, extent, inner) = x.type.shape.split(at: axis)
        let isLeast: Int32 = isLeast ? 1 : 0
        return Instruction(label: name) {
            lk_extreme(isLeast, x.slot.bytes($0), type, y.floats($0), outer, extent, inner)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[0].shape.elementCount }
}

extension ArgMax: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: []) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, type) = (site.operands[0], site.results[0].slot, site.operands[0].kernelType)
        let (outer, extent, inner) = x.type.shape.split(at: axis)
        return Instruction(label: name) {
            lk_arg_max(x.slot.bytes($0), type, y.integers($0), outer, extent, inner)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[0].shape.elementCount }
}

extension OneHot: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (ids, y, classes) = (site.operands[0].slot, site.results[0].slot, classes)
        let count = site.operands[0].type.shape.elementCount
        return Instruction(label: name) { lk_one_hot(ids.integers($0), count, classes, y.floats($0)) }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension Gather: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, ids, y) = (site.operands[0], site.operands[1], site.results[0])
        let (xType, yType, count) = (x.kernelType, y.kernelType, ids.type.shape.elementCount)
        let (outer, extent, inner) = x.type.shape.split(at: axis)
        return Instruction(label: name) {
            lk_gather(
                x.slot.bytes($0), xType, ids.slot.integers($0), count, outer, extent, inner, y.slot.bytes($0),
                yType)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension GatherGradient: Lowerable {
    var precision: PrecisionRule { .follows(operands: [1], results: []) }

    func lower(_ site: Site) throws -> Instruction {
        let (ids, dy, dx) = (site.operands[0], site.operands[1], site.results[0].slot)
        let (type, count) = (dy.kernelType, ids.type.shape.elementCount)
        let (outer, extent, inner) = shape.split(at: axis)
        return Instruction(label: name) {
            lk_gather_gradient(
                ids.slot.integers($0), count, dy.slot.bytes($0), type, outer, extent, inner, dx.floats($0))
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[1].shape.elementCount }
}

extension Softmax: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let (xType, yType, isLog) = (x.kernelType, y.kernelType, Int32(isLogarithm ? 1 : 0))
        let width = x.type.shape[-1]
        let rows = x.type.shape.elementCount / width
        return Instruction(label: name) {
            lk_softmax(isLog, x.slot.bytes($0), xType, y.slot.bytes($0), yType, rows, width)
        }
    }
}

extension SoftmaxGradient: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (dy, y, dx) = (site.operands[0], site.operands[1], site.results[0])
        let (types, isLog) = ((dy.kernelType, y.kernelType, dx.kernelType), Int32(isLogarithm ? 1 : 0))
        let width = y.type.shape[-1]
        let rows = y.type.shape.elementCount / width
        return Instruction(label: name) {
            lk_softmax_gradient(
                isLog, dy.slot.bytes($0), types.0, y.slot.bytes($0), types.1, dx.slot.bytes($0), types.2,
                rows,
                width)
        }
    }
}
