import CKernels
import Graphs

extension NormalizeGroups: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let (scale, shift) = (site.operands[1].slot, site.operands[2].slot)
        let companions = site.results.dropFirst().map(\.slot)
        let workspace = site.workspace
        var template = lk_group_norm_arguments()
        (template.samples, template.channels, template.positions) = x.type.shape.split(at: 1)
        (template.groups, template.epsilon) = (groups, Float(epsilon))
        (template.x_type, template.y_type) = (x.kernelType, y.kernelType)
        return Instruction(label: name) { [template] frame in
            var call = template
            call.x = UnsafeRawPointer(x.slot.bytes(frame))
            call.y = y.slot.bytes(frame)
            call.scale = UnsafePointer(scale.floats(frame))
            call.shift = UnsafePointer(shift.floats(frame))
            if companions.count == 2 {
                (call.mean, call.inverse) = (companions[0].floats(frame), companions[1].floats(frame))
            }
            call.workspace = workspace?.floats(frame)
            lk_group_norm(&call)
        }
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        groupNormWorkspace(results[0].shape, groups)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 8 * results[0].shape.elementCount }
}

extension NormalizeGroupsGradient: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (operands, dx) = (site.operands, site.results[0])
        let factors = site.results.dropFirst().map(\.slot)
        let workspace = site.workspace
        var template = lk_group_norm_gradient_arguments()
        (template.samples, template.channels, template.positions) = dx.type.shape.split(at: 1)
        template.groups = groups
        (template.dy_type, template.x_type) = (operands[0].kernelType, operands[1].kernelType)
        template.dx_type = dx.kernelType
        return Instruction(label: name) { [template] frame in
            var call = template
            call.dy = UnsafeRawPointer(operands[0].slot.bytes(frame))
            call.x = UnsafeRawPointer(operands[1].slot.bytes(frame))
            call.mean = UnsafePointer(operands[2].slot.floats(frame))
            call.inverse = UnsafePointer(operands[3].slot.floats(frame))
            call.scale = UnsafePointer(operands[4].slot.floats(frame))
            call.dx = dx.slot.bytes(frame)
            if factors.count == 2 {
                (call.dscale, call.dshift) = (factors[0].floats(frame), factors[1].floats(frame))
            }
            call.workspace = workspace?.floats(frame)
            lk_group_norm_gradient(&call)
        }
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        groupNormWorkspace(results[0].shape, groups)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 12 * results[0].shape.elementCount }
}

/// Three groups of a sample as floats.
private func groupNormWorkspace(_ shape: Shape, _ groups: Int) -> Int {
    let width = shape.elementCount / (shape[0] * groups)
    return 3 * ((width + 15) / 16 * 16)
}
