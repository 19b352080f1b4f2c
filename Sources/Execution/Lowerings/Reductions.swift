import CKernels
import Graphs

/// Prepares a sum over an axis, times a factor.
private func reduction(_ label: String, _ site: Site, axis: Int?, factor: Float) -> Instruction {
    let shape = site.operands[0].type.shape
    let (outer, extent, inner) = axis.map { shape.split(at: $0) } ?? (1, shape.elementCount, 1)
    let (x, y, type) = (site.operands[0].slot, site.results[0].slot, site.operands[0].kernelType)
    return Instruction(label: label) {
        lk_reduce(x.bytes($0), type, y.floats($0), outer, extent, inner, factor)
    }
}

extension Sum: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: []) }

    func lower(_ site: Site) throws -> Instruction { reduction(name, site, axis: axis, factor: 1) }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[0].shape.elementCount }
}

extension Mean: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: []) }

    func lower(_ site: Site) throws -> Instruction {
        reduction(name, site, axis: axis, factor: 1 / Float(divisor(site.operands[0].type.shape)))
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[0].shape.elementCount }
}

extension Broadcast: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (outer, extent, inner) = axis.map { shape.split(at: $0) } ?? (1, shape.elementCount, 1)
        let (x, y) = (site.operands[0].slot, site.results[0].slot)
        return Instruction(label: name) { lk_broadcast(x.floats($0), y.floats($0), outer, extent, inner) }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
