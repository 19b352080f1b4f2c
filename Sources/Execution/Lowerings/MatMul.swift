import CKernels
import COneDNN
import Diagnostics
import Graphs

extension MatMul: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        try ProductLowering(self, site, activation: nil).instruction(name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        let (_, columns, inner) = extents(operands[0].shape, operands[1].shape)
        if usesLibrary(operands), let streamed = StreamedProduct(self, operands) {
            return streamed.workspaceElementCount(columns: columns, inner: inner)
        }
        return lk_matmul_workspace_count(inner)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        let (rows, columns, inner) = extents(operands[0].shape, operands[1].shape)
        return 2 * rows * columns * inner
    }

    func precision(operands: [TensorType], results: [TensorType]) -> PrecisionRule {
        usesLibrary(operands) ? .computes(operands: [0, 1]) : .float32
    }

    func remark(operands: [TensorType], results: [TensorType]) -> String {
        guard usesLibrary(operands) else { return "own kernel" }
        return StreamedProduct(self, operands) == nil ? libraryRemark(operands) : "own kernel, streamed"
    }

    /// The remark on a product that oneDNN does.
    func libraryRemark(_ operands: [TensorType]) -> String { "oneDNN, \(operands[0].element.rawValue)" }

    /// Whether oneDNN does the product of these operands.
    func usesLibrary(_ operands: [TensorType]) -> Bool {
        let (rows, columns, inner) = extents(operands[0].shape, operands[1].shape)
        return ProductLowering.usesLibrary(rows: rows, columns: columns, inner: inner)
    }
}

/// A product with something done to each result before it is stored.
protocol ProductStep: Lowerable {
    var product: MatMul { get }
}

extension ProductStep {
    func precision(operands: [TensorType], results: [TensorType]) -> PrecisionRule {
        product.precision(operands: operands, results: results)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        product.workspaceElementCount(operands: operands, results: results)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        product.flops(operands: operands, results: results) + results[0].shape.elementCount
    }

    func remark(operands: [TensorType], results: [TensorType]) -> String {
        product.remark(operands: operands, results: results)
    }
}

/// A product with what follows it in one pass: (x, weight, bias?, addend?) → activation(x·W + b), or x·W + b + addend.
struct FusedProduct: ProductStep {
    let product: MatMul
    var hasBias = false
    var activation: Activation?
    /// Whether the last operand, as large as the result, is added: a residual, or another product's gradient.
    var hasAddend = false

    var name: String {
        "matmul" + (hasBias ? "+bias" : "") + (activation.map { "+" + $0.rawValue } ?? "")
            + (hasAddend ? "+add" : "")
    }

    func precision(operands: [TensorType], results: [TensorType]) -> PrecisionRule {
        let rule = product.precision(operands: operands, results: results)
        guard case .computes(let narrow, _) = rule, hasAddend else { return rule }
        // A sum goes on in float32.
        return .computes(operands: narrow, narrowsResult: false)
    }

    func lower(_ site: Site) throws -> Instruction {
        try ProductLowering(
            product, site, bias: hasBias ? site.operands[2] : nil, activation: activation,
            addend: hasAddend ? site.operands.last : nil
        ).instruction(name)
    }

    func remark(operands: [TensorType], results: [TensorType]) -> String {
        // Our own kernels add no residual.
        hasAddend && product.usesLibrary(operands)
            ? product.libraryRemark(operands) : product.remark(operands: operands, results: results)
    }
}

/// A gradient carried back through a product and an activation: (dy, weight, saved) → (dy·Wᵀ) ⊙ f′(saved).
struct MatMulActivationGradient: ProductStep {
    let product: MatMul
    let activation: Activation
    var name: String { "matmul+\(activation.rawValue)-gradient" }

    func lower(_ site: Site) throws -> Instruction {
        try ProductLowering(product, site, saved: site.operands[2], activation: activation).instruction(name)
    }
}

/// Prepares a product: small ones by our own kernel (a oneDNN call costs microseconds), large ones by oneDNN.
struct ProductLowering {
    /// The greatest product that our own kernel does, in floating-point operations.
    static let kernelFlops = 1_000_000

    private let site: Site
    private let extents: (rows: Int, columns: Int, inner: Int)
    private let left: (row: Int, inner: Int)
    private let right: (inner: Int, column: Int)
    private let bias: Slot?
    private let saved: Site.Value?
    private let addend: Site.Value?
    private let activation: Activation?
    private let streamed: StreamedProduct?

    init(
        _ product: MatMul, _ site: Site, bias: Site.Value? = nil, saved: Site.Value? = nil,
        activation: Activation?, addend: Site.Value? = nil
    ) {
        self.site = site
        self.addend = addend
        self.bias = bias?.slot
        self.saved = saved
        self.activation = activation
        extents = product.extents(site.operands[0].type.shape, site.operands[1].type.shape)
        left = product.transposesLeft ? (1, extents.rows) : (extents.inner, 1)
        right = product.transposesRight ? (1, extents.inner) : (extents.columns, 1)
        let values = [site.results[0], saved].compactMap { $0 }
        let isPlain = addend == nil && values.allSatisfy { $0.type.element == .float32 }
        streamed = isPlain ? StreamedProduct(product, site.operands.map(\.type)) : nil
    }

    func instruction(_ label: String) throws -> Instruction {
        guard extents.rows > 0, extents.columns > 0 else { return Instruction(label: label) { _ in } }
        let isLarge = Self.usesLibrary(rows: extents.rows, columns: extents.columns, inner: extents.inner)
        guard isLarge else { return kernelInstruction(label) { lk_matmul(&$0) } }
        if let streamed { return kernelInstruction(label) { streamed.run(&$0) } }
        return try libraryInstruction(label)
    }

    /// Whether oneDNN does a product of this size.
    static func usesLibrary(rows: Int, columns: Int, inner: Int) -> Bool {
        2 * rows * columns * inner > kernelFlops
    }

    private func kernelInstruction(
        _ label: String, _ kernel: @escaping (inout lk_matmul_arguments) -> Void
    ) -> Instruction {
        let (a, b, c) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let (bias, saved, workspace) = (bias, saved, site.workspace)
        var template = lk_matmul_arguments()
        (template.m, template.n, template.k) = extents
        (template.a_row, template.a_inner) = left
        (template.b_inner, template.b_column) = right
        template.activation = activation.kernelCode
        return Instruction(label: label) { [template] frame in
            var call = template
            call.a = UnsafePointer(a.floats(frame))
            call.b = UnsafePointer(b.floats(frame))
            call.c = c.floats(frame)
            call.bias = bias.map { UnsafePointer($0.floats(frame)) }
            call.saved = saved.map { UnsafePointer($0.slot.floats(frame)) }
            call.workspace = workspace?.floats(frame)
            kernel(&call)
        }
    }

    private func libraryInstruction(_ label: String) throws -> Instruction {
        // oneDNN's ReLU turns NaN into 0, which would hide a fault from the loss; its GELU's bits are not ours. Only
        // these two run inside the product.
        let runsBehind = saved != nil || (activation != .sigmoid && activation != .tanh)
        let inside = runsBehind ? nil : activation
        let behind = inside == nil ? activation : nil
        var options = cdnn_matmul_options()
        (options.m, options.n, options.k) = (
            Int64(extents.rows), Int64(extents.columns), Int64(extents.inner)
        )
        (options.a_row, options.a_inner) = (Int64(left.row), Int64(left.inner))
        (options.b_inner, options.b_column) = (Int64(right.inner), Int64(right.column))
        options.has_bias = bias == nil ? 0 : 1
        options.activation = inside.kernelCode
        options.has_addend = addend == nil ? 0 : 1
        options.ab_type = site.operands[0].type.element.libraryType
        options.c_type = site.results[0].type.element.libraryType
        options.addend_type = (addend?.type.element ?? .float32).libraryType
        let primitive = try LibraryProduct(options)
        let (a, b, c) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let (bias, saved, addend, count) = (bias, saved?.slot, addend?.slot, extents.rows * extents.columns)
        let (code, type) = (behind.kernelCode, site.results[0].type.element.kernelType)
        let savedType = (self.saved?.type.element ?? .float32).kernelType
        return Instruction(label: label) { frame in
            try primitive.run(
                a.bytes(frame), b.bytes(frame), bias: bias?.floats(frame), addend: addend?.bytes(frame),
                c.bytes(frame))
            if let saved {
                lk_activation_gradient(
                    code, c.bytes(frame), type, saved.bytes(frame), savedType, c.bytes(frame), type, count)
            } else if code != 0 {
                lk_activate(code, c.bytes(frame), type, c.bytes(frame), type, count)
            }
        }
    }
}

/// A oneDNN matmul primitive with its memories.
final class LibraryProduct {
    private var handle: UnsafeMutablePointer<cdnn_matmul>?

    init(_ options: cdnn_matmul_options) throws {
        var options = options
        try Self.check(cdnn_matmul_create(&handle, &options), "prepare")
    }

    deinit { cdnn_matmul_destroy(handle) }

    func run(
        _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, bias: UnsafePointer<Float>?,
        addend: UnsafeRawPointer?, _ c: UnsafeMutableRawPointer
    ) throws {
        lk_enter_library()
        defer { lk_leave_library() }
        try Self.check(cdnn_matmul_run(handle, a, b, bias, addend, c), "run")
    }

    private static func check(_ status: dnnl_status_t, _ what: String) throws {
        guard status == dnnl_success else {
            throw LockstepError(
                .internalError, "oneDNN could not \(what) a matmul (status \(status.rawValue))",
                remedy: "run 'lockstep doctor' and report its output")
        }
    }
}

extension ElementType {
    /// The number of the type in oneDNN's shims.
    var libraryType: Int32 { self == .bfloat16 ? Int32(cdnn_bfloat16) : Int32(cdnn_float32) }
}

extension Activation? {
    /// The number of an activation in C: the order of `lk_activation`, which `cdnn_relu` … share.
    var kernelCode: Int32 {
        switch self {
        case nil: 0
        case .relu: 1
        case .sigmoid: 2
        case .tanh: 3
        case .gelu: 4
        case .geluTanh: 5
        case .silu: 6
        case .softplus: 7
        case .leakyReLU: 8
        case .elu: 9
        }
    }
}
