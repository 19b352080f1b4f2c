import CKernels
import COneDNN
import Diagnostics
import Graphs

extension MatMul: Lowerable {
    func lower(_ site: Site) throws -> Instruction {
        try ProductLowering(self, site, activation: nil).instruction(name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        lk_matmul_workspace_count(extents(operands[0].shape, operands[1].shape).inner)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        let (rows, columns, inner) = extents(operands[0].shape, operands[1].shape)
        return 2 * rows * columns * inner
    }

    func remark(operands: [TensorType], results: [TensorType]) -> String {
        flops(operands: operands, results: results) > ProductLowering.kernelFlops ? "oneDNN" : "own kernel"
    }
}

/// A product with something done to each result before it is stored.
protocol ProductStep: Lowerable {
    var product: MatMul { get }
}

extension ProductStep {
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

/// A product with bias and activation in one pass: (x, weight, bias) → activation(x·W + b).
struct DenseForward: ProductStep {
    let product: MatMul
    let activation: Activation?
    var name: String { "matmul+bias" + (activation.map { "+" + $0.rawValue } ?? "") }

    func lower(_ site: Site) throws -> Instruction {
        try ProductLowering(product, site, bias: site.operands[2].slot, activation: activation).instruction(
            name)
    }
}

/// A gradient carried back through a product and an activation: (dy, weight, saved) → (dy·Wᵀ) ⊙ f′(saved).
struct MatMulActivationGradient: ProductStep {
    let product: MatMul
    let activation: Activation
    var name: String { "matmul+\(activation.rawValue)-gradient" }

    func lower(_ site: Site) throws -> Instruction {
        try ProductLowering(product, site, saved: site.operands[2].slot, activation: activation).instruction(
            name)
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
    private let saved: Slot?
    private let activation: Activation?

    init(_ product: MatMul, _ site: Site, bias: Slot? = nil, saved: Slot? = nil, activation: Activation?) {
        self.site = site
        self.bias = bias
        self.saved = saved
        self.activation = activation
        extents = product.extents(site.operands[0].type.shape, site.operands[1].type.shape)
        left = product.transposesLeft ? (1, extents.rows) : (extents.inner, 1)
        right = product.transposesRight ? (1, extents.inner) : (extents.columns, 1)
    }

    func instruction(_ label: String) throws -> Instruction {
        guard extents.rows > 0, extents.columns > 0 else { return Instruction(label: label) { _ in } }
        let flops = 2 * extents.rows * extents.columns * extents.inner
        return flops > Self.kernelFlops ? try libraryInstruction(label) : kernelInstruction(label)
    }

    private func kernelInstruction(_ label: String) -> Instruction {
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
            call.saved = saved.map { UnsafePointer($0.floats(frame)) }
            call.workspace = workspace?.floats(frame)
            lk_matmul(&call)
        }
    }

    private func libraryInstruction(_ label: String) throws -> Instruction {
        // oneDNN's ReLU turns NaN into 0, which would hide a fault from the loss; its GELU's bits are not ours. Only
        // these two run inside the product.
        let runsBehind = saved != nil || (activation != .sigmoid && activation != .tanh)
        let inside = runsBehind ? nil : activation
        let behind = inside == nil ? activation : nil
        let primitive = try LibraryProduct(
            extents: extents, left: left, right: right, hasBias: bias != nil, activation: inside)
        let (a, b, c) = (site.operands[0].slot, site.operands[1].slot, site.results[0].slot)
        let (bias, saved, count) = (bias, saved, extents.rows * extents.columns)
        let code = behind.kernelCode
        return Instruction(label: label) { frame in
            let result = c.floats(frame)
            try primitive.run(a.floats(frame), b.floats(frame), bias: bias?.floats(frame), result)
            if let saved {
                lk_activation_gradient(
                    code, result, LK_FLOAT32, saved.floats(frame), LK_FLOAT32, result, LK_FLOAT32, count)
            } else if code != 0 {
                lk_activate(code, result, LK_FLOAT32, result, LK_FLOAT32, count)
            }
        }
    }
}

/// A oneDNN matmul primitive with its memories.
final class LibraryProduct {
    private var handle: UnsafeMutablePointer<cdnn_matmul>?

    init(
        extents: (rows: Int, columns: Int, inner: Int), left: (row: Int, inner: Int),
        right: (inner: Int, column: Int),
        hasBias: Bool, activation: Activation?
    ) throws {
        let status = cdnn_matmul_create(
            &handle, Int64(extents.rows), Int64(extents.columns), Int64(extents.inner), Int64(left.row),
            Int64(left.inner), Int64(right.inner), Int64(right.column), hasBias ? 1 : 0, activation.kernelCode
        )
        try Self.check(status, "prepare")
    }

    deinit { cdnn_matmul_destroy(handle) }

    func run(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
        _ c: UnsafeMutablePointer<Float>
    ) throws {
        lk_enter_library()
        defer { lk_leave_library() }
        try Self.check(cdnn_matmul_run(handle, a, b, bias, c), "run")
    }

    private static func check(_ status: dnnl_status_t, _ what: String) throws {
        guard status == dnnl_success else {
            throw LockstepError(
                .internalError, "oneDNN could not \(what) a matmul (status \(status.rawValue))",
                remedy: "run 'lockstep doctor' and report its output")
        }
    }
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
