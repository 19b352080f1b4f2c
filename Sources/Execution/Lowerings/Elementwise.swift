import CKernels
import Graphs

extension Add: Lowerable {
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, z) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let count = site.results[0].storedCount
        return Instruction(label: name) { lk_add(x.floats($0), y.floats($0), z.floats($0), count) }
    }
}

extension Multiply: Lowerable {
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, z) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let count = site.results[0].storedCount
        return Instruction(label: name) { lk_multiply(x.floats($0), y.floats($0), z.floats($0), count) }
    }
}

extension Scale: Lowerable {
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, factor) = (site.operands[0].slot, site.results[0].slot, Float(factor))
        let count = site.results[0].storedCount
        return Instruction(label: name) { lk_scale(x.floats($0), factor, y.floats($0), count) }
    }
}

extension MultiplyScalar: Lowerable {
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, factor, y) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let count = site.results[0].storedCount
        return Instruction(label: name) { lk_scale(x.floats($0), factor.floats($0)[0], y.floats($0), count) }
    }
}

extension BiasAdd: Lowerable {
    var canRunInPlace: Bool { true }

    func lower(_ site: Site) throws -> Instruction {
        let (x, bias, y) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let columns = site.operands[1].type.shape.elementCount
        let rows = site.results[0].type.shape.elementCount / columns
        return Instruction(label: name) {
            lk_add_bias(x.floats($0), bias.floats($0), y.floats($0), rows, columns)
        }
    }
}

extension Activate: Lowerable {
    var canRunInPlace: Bool { true }
    /// A sigmoid of zero is not zero.
    var layouts: LayoutRule { activation == .sigmoid ? .plain : .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, code) = (site.operands[0].slot, site.results[0].slot, Optional(activation).kernelCode)
        let count = site.results[0].storedCount
        return Instruction(label: name) { lk_activate(code, x.floats($0), y.floats($0), count) }
    }
}

extension ActivationGradient: Lowerable {
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (dy, saved, dx) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let code = Optional(activation).kernelCode
        let count = site.results[0].storedCount
        return Instruction(label: name) {
            lk_activation_gradient(code, dy.floats($0), saved.floats($0), dx.floats($0), count)
        }
    }
}
