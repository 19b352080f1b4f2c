import CKernels
import Graphs

/// Prepares a kernel that combines two arrays of the same shape into a third.
private func combination(
    _ label: String, _ site: Site,
    _ kernel:
        @escaping (
            UnsafeRawPointer, lk_type, UnsafeRawPointer, lk_type, UnsafeMutableRawPointer, lk_type, Int
        ) -> Void
) -> Instruction {
    let (x, y, z) = (site.operands[0], site.operands[1], site.results[0])
    let (xType, yType, zType) = (x.kernelType, y.kernelType, z.kernelType)
    let count = z.layout.elementCount(of: z.type.shape)
    return Instruction(label: label) {
        kernel(x.slot.bytes($0), xType, y.slot.bytes($0), yType, z.slot.bytes($0), zType, count)
    }
}

extension Add: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        combination(name, site) { lk_add($0, $1, $2, $3, $4, $5, $6) }
    }
}

extension Multiply: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        combination(name, site) { lk_multiply($0, $1, $2, $3, $4, $5, $6) }
    }
}

extension Scale: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, factor) = (site.operands[0], site.results[0], Float(factor))
        let (xType, yType) = (x.kernelType, y.kernelType)
        let count = y.layout.elementCount(of: y.type.shape)
        return Instruction(label: name) {
            lk_scale(x.slot.bytes($0), xType, factor, y.slot.bytes($0), yType, count)
        }
    }
}

extension MultiplyScalar: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (x, factor, y) = (site.operands[0], site.operands[1].slot, site.results[0])
        let (xType, yType) = (x.kernelType, y.kernelType)
        let count = y.layout.elementCount(of: y.type.shape)
        return Instruction(label: name) {
            lk_scale(x.slot.bytes($0), xType, factor.floats($0)[0], y.slot.bytes($0), yType, count)
        }
    }
}

extension BiasAdd: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, bias, y) = (site.operands[0], site.operands[1].slot, site.results[0])
        let (xType, yType) = (x.kernelType, y.kernelType)
        let columns = site.operands[1].type.shape.elementCount
        let rows = y.type.shape.elementCount / columns
        return Instruction(label: name) {
            lk_add_bias(x.slot.bytes($0), xType, bias.floats($0), y.slot.bytes($0), yType, rows, columns)
        }
    }
}

extension Activate: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }
    /// Padding channels must stay zero.
    var layouts: LayoutRule { activation.keepsZero ? .follows : .plain }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y, code) = (site.operands[0], site.results[0], Optional(activation).kernelCode)
        let (xType, yType) = (x.kernelType, y.kernelType)
        let count = y.layout.elementCount(of: y.type.shape)
        return Instruction(label: name) {
            lk_activate(code, x.slot.bytes($0), xType, y.slot.bytes($0), yType, count)
        }
    }
}

extension ActivationGradient: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        let (dy, saved, dx) = (site.operands[0], site.operands[1], site.results[0])
        let types = (dy.kernelType, saved.kernelType, dx.kernelType)
        let code = Optional(activation).kernelCode
        let count = dx.layout.elementCount(of: dx.type.shape)
        return Instruction(label: name) {
            lk_activation_gradient(
                code, dy.slot.bytes($0), types.0, saved.slot.bytes($0), types.1, dx.slot.bytes($0), types.2,
                count)
        }
    }
}

extension Activation {
    /// Whether zero becomes zero.
    var keepsZero: Bool { self != .sigmoid && self != .softplus }
}
