import CKernels
import Graphs

extension MaskedMean: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (x, ids, y) = (site.operands[0], site.operands[1].slot, site.results[0].slot)
        let shape = x.type.shape
        let padding = paddingID.map(Int64.init) ?? Int64.min
        return Instruction(label: name) {
            lk_masked_mean(
                x.slot.floats($0), ids.integers($0), shape[0], shape[1], shape[2], padding, y.floats($0))
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { operands[0].shape.elementCount }
}

extension MaskedMeanGradient: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        let (dy, ids, dx) = (site.operands[0].slot, site.operands[1].slot, site.results[0])
        let shape = dx.type.shape
        let padding = paddingID.map(Int64.init) ?? Int64.min
        return Instruction(label: name) {
            lk_masked_mean_gradient(
                dy.floats($0), ids.integers($0), shape[0], shape[1], shape[2], padding, dx.slot.floats($0))
        }
    }
}
