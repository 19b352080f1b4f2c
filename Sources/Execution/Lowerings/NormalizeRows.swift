import CKernels
import Graphs

extension NormalizeRows: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        RowNormCall(self, site, x: site.operands[0], factors: Array(site.operands.dropFirst())).instruction(
            name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        lk_norm_rows_workspace_count(rowWidth(results[0].shape))
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 8 * results[0].shape.elementCount }

    func rowWidth(_ shape: Shape) -> Int { shape.dimensions.suffix(axes).reduce(1, *) }
}

/// A residual connection and the norm behind it in one pass: (x, residual, scale?, shift?) → (x + residual, its norm,
/// the norm's companions where backward reads them).
struct AddNormalizeRows: Lowerable {
    let norm: NormalizeRows
    var name: String { "add+" + norm.name }
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0, 1]) }

    func lower(_ site: Site) throws -> Instruction {
        RowNormCall(
            norm, site, x: site.operands[0], residual: site.operands[1],
            factors: Array(site.operands.dropFirst(2))
        ).instruction(name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        norm.workspaceElementCount(operands: operands, results: results)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 9 * results[0].shape.elementCount }
}

/// Prepares the kernel of a norm over rows.
private struct RowNormCall {
    let norm: NormalizeRows
    let site: Site
    let x: Site.Value
    let residual: Site.Value?
    let factors: [Site.Value]

    init(
        _ norm: NormalizeRows, _ site: Site, x: Site.Value, residual: Site.Value? = nil, factors: [Site.Value]
    ) {
        self.norm = norm
        self.site = site
        self.x = x
        self.residual = residual
        self.factors = factors
    }

    func instruction(_ label: String) -> Instruction {
        let shape = x.type.shape
        let width = norm.rowWidth(shape)
        let sum = residual == nil ? nil : site.results[0]
        let rest = residual == nil ? site.results[...] : site.results.dropFirst()
        let result = rest[rest.startIndex]
        let companions = rest.dropFirst().map(\.slot)
        let (inverse, mean) = (companions.first, companions.count > 1 ? companions[1] : nil)
        let (x, residual, factors, workspace) = (x.slot, residual?.slot, factors.map(\.slot), site.workspace)
        var template = lk_norm_rows_arguments()
        (template.rows, template.width) = (shape.elementCount / width, width)
        template.epsilon = Float(norm.epsilon)
        template.is_rms = norm.kind == .rms ? 1 : 0
        template.x_type = self.x.type.element.kernelType
        template.residual_type = self.residual?.type.element.kernelType ?? LK_FLOAT32
        template.sum_type = sum?.type.element.kernelType ?? LK_FLOAT32
        template.y_type = result.type.element.kernelType
        return Instruction(label: label) { [template] frame in
            var call = template
            call.x = UnsafeRawPointer(x.bytes(frame))
            call.residual = residual.map { UnsafeRawPointer($0.bytes(frame)) }
            call.sum = sum?.slot.bytes(frame)
            call.y = result.slot.bytes(frame)
            if factors.count > 0 { call.scale = UnsafePointer(factors[0].floats(frame)) }
            if factors.count > 1 { call.shift = UnsafePointer(factors[1].floats(frame)) }
            call.mean = mean?.floats(frame)
            call.inverse = inverse?.floats(frame)
            call.workspace = workspace?.floats(frame)
            lk_norm_rows(&call)
        }
    }
}

extension NormalizeRowsGradient: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }

    func lower(_ site: Site) throws -> Instruction { lower(site, addend: nil, label: name) }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        lk_norm_rows_workspace_count(results[0].shape.dimensions.suffix(axes).reduce(1, *))
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 14 * results[0].shape.elementCount }

    /// - Parameter addend: added to the gradient by x.
    func lower(_ site: Site, addend: Site.Value?, label: String) -> Instruction {
        let shape = site.results[0].type.shape
        let width = shape.dimensions.suffix(axes).reduce(1, *)
        let (dy, x, dx) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let inverse = site.operands[2].slot
        let mean = kind == .layer ? site.operands[3].slot : nil
        let scale = scalePlace.map { site.operands[$0].slot }
        let factors = site.results.dropFirst().map(\.slot)
        let (dscale, dshift) = (factors.first, factors.count > 1 ? factors[1] : nil)
        let (also, workspace) = (addend?.slot, site.workspace)
        var template = lk_norm_rows_gradient_arguments()
        (template.rows, template.width) = (shape.elementCount / width, width)
        template.dy_type = site.operands[0].type.element.kernelType
        template.x_type = site.operands[1].type.element.kernelType
        template.addend_type = addend?.type.element.kernelType ?? LK_FLOAT32
        template.dx_type = site.results[0].type.element.kernelType
        return Instruction(label: label) { [template] frame in
            var call = template
            call.dy = UnsafeRawPointer(dy.bytes(frame))
            call.x = UnsafeRawPointer(x.bytes(frame))
            call.addend = also.map { UnsafeRawPointer($0.bytes(frame)) }
            call.mean = mean.map { UnsafePointer($0.floats(frame)) }
            call.inverse = UnsafePointer(inverse.floats(frame))
            call.scale = scale.map { UnsafePointer($0.floats(frame)) }
            call.dx = dx.bytes(frame)
            call.dscale = dscale?.floats(frame)
            call.dshift = dshift?.floats(frame)
            call.workspace = workspace?.floats(frame)
            lk_norm_rows_gradient(&call)
        }
    }
}

/// A norm's gradient and the one that arrives past the norm: (the norm gradient's operands…, addend) → (sum, gradients
/// by scale and shift).
struct NormalizeRowsGradientAdd: Lowerable {
    let gradient: NormalizeRowsGradient
    var name: String { gradient.name + "+add" }
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1, gradient.operandCount], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        gradient.lower(site, addend: site.operands[site.operands.count - 1], label: name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        gradient.workspaceElementCount(operands: operands, results: results)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 15 * results[0].shape.elementCount }
}
