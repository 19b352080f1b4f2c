import CKernels
import COneDNN
import Diagnostics
import Graphs

/// One of the three products of a convolution. Each works on two images and a weight, in different roles.
protocol ConvolutionStep: ChoosesLayout {
    /// Stride, padding, dilation and groups.
    var geometry: ConvolutionGeometry { get }
    /// Which operands and results play which role.
    func roles<Value>(operands: [Value], results: [Value]) -> ConvolutionRoles<Value>
}

/// The values of a convolution by their roles.
struct ConvolutionRoles<Value> {
    /// `cdnn_convolution_forward`, `…_backward_data` or `…_backward_weights`.
    let kind: Int
    /// [N, C, H, W].
    let image: Value
    /// [O, C / groups, kh, kw].
    let weight: Value
    /// [O].
    let bias: Value?
    /// [N, O, H′, W′].
    let windows: Value
}

extension Convolution: ConvolutionStep {
    func roles<Value>(operands: [Value], results: [Value]) -> ConvolutionRoles<Value> {
        ConvolutionRoles(
            kind: cdnn_convolution_forward, image: operands[0], weight: operands[1],
            bias: operands.count > 2 ? operands[2] : nil, windows: results[0])
    }
}

extension TransposedConvolution: ConvolutionStep {
    func roles<Value>(operands: [Value], results: [Value]) -> ConvolutionRoles<Value> {
        ConvolutionRoles(
            kind: cdnn_convolution_backward_data, image: results[0], weight: operands[1], bias: nil,
            windows: operands[0])
    }
}

extension ConvolutionWeightGradient: ConvolutionStep {
    /// The gradient of a parameter stays float32.
    var precision: PrecisionRule { .computes(operands: [0, 1], narrowsResult: false) }

    func roles<Value>(operands: [Value], results: [Value]) -> ConvolutionRoles<Value> {
        ConvolutionRoles(
            kind: cdnn_convolution_backward_weights, image: operands[0], weight: results[0],
            bias: results.count > 1 ? results[1] : nil, windows: operands[1])
    }
}

extension ConvolutionStep {
    var precision: PrecisionRule { .computes(operands: [0, 1]) }
    var layouts: LayoutRule { .chooses }

    /// oneDNN's choice of layouts, and the operation bound to them.
    func chooseLayouts(operands: [PlanValue], results: [PlanValue], seen: (Shape) -> TensorLayout) throws
        -> LayoutChoice
    {
        let library = try LibraryConvolution.choose(
            for: self, operands: operands.map(\.type), results: results.map(\.type))
        let (image, windows) = (library.shape.image_block, library.shape.windows_block)
        let roles = roles(operands: operands, results: results)
        func layout(_ value: PlanValue) -> TensorLayout {
            let block = value == roles.image ? image : value == roles.windows ? windows : 0
            return block == 0 ? .plain : .blockedChannels(Int(block))
        }
        return LayoutChoice(
            operands: operands.map(layout), results: results.map(layout), operation: library)
    }

    /// The layout pass puts a ``LibraryConvolution`` into every plan; this one runs where that pass is left out.
    func lower(_ site: Site) throws -> Instruction {
        try plain(site.operands.map(\.type), site.results.map(\.type)).lower(site)
    }

    private func plain(_ operands: [TensorType], _ results: [TensorType]) throws -> LibraryConvolution {
        var shape = libraryShape(operands: operands, results: results)
        (shape.image_block, shape.windows_block) = (Int32(cdnn_plain), Int32(cdnn_plain))
        return try LibraryConvolution(step: self, shape: shape)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        (try? plain(operands, results).workspaceElementCount(operands: operands, results: results)) ?? 0
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        let roles = roles(operands: operands, results: results)
        let taps = roles.weight.shape.dimensions[1...].reduce(1, *)
        return 2 * roles.windows.shape.elementCount * taps
    }

    /// The convolution as oneDNN is asked for it, with layouts of its own choice.
    func libraryShape(operands: [TensorType], results: [TensorType]) -> cdnn_convolution_shape {
        let roles = roles(operands: operands, results: results)
        let (image, weight, windows) = (roles.image.shape, roles.weight.shape, roles.windows.shape)
        var shape = cdnn_convolution_shape()
        shape.kind = Int32(roles.kind)
        shape.has_bias = roles.bias == nil ? 0 : 1
        shape.images_are_half = roles.image.element == .bfloat16 ? 1 : 0
        shape.weights_are_half = roles.weight.element == .bfloat16 ? 1 : 0
        (shape.image_block, shape.windows_block) = (Int32(cdnn_any), Int32(cdnn_any))
        (shape.samples, shape.channels, shape.outputs) = (Int64(image[0]), Int64(image[1]), Int64(windows[1]))
        shape.groups = Int64(geometry.groups)
        (shape.image_height, shape.image_width) = (Int64(image[2]), Int64(image[3]))
        (shape.kernel_height, shape.kernel_width) = (Int64(weight[2]), Int64(weight[3]))
        (shape.windows_height, shape.windows_width) = (Int64(windows[2]), Int64(windows[3]))
        shape.stride_height = Int64(geometry.stride.height)
        shape.stride_width = Int64(geometry.stride.width)
        shape.padding_height = Int64(geometry.padding.height)
        shape.padding_width = Int64(geometry.padding.width)
        shape.dilation_height = Int64(geometry.dilation.height)
        shape.dilation_width = Int64(geometry.dilation.width)
        return shape
    }
}

/// A convolution with the layouts of its images chosen: what the layout pass puts into the plan.
struct LibraryConvolution: Lowerable {
    let step: any ConvolutionStep
    let shape: cdnn_convolution_shape
    let implementation: String
    private let workspaceByteCount: Int

    var name: String { step.name }
    var precision: PrecisionRule { step.precision }
    var layouts: LayoutRule { .chooses }

    /// Asks oneDNN about a convolution whose shape names the layouts.
    init(step: any ConvolutionStep, shape: cdnn_convolution_shape) throws {
        let question = try ConvolutionHandle(shape, isQuestion: true)
        self.step = step
        self.shape = shape
        implementation = question.implementation
        workspaceByteCount = question.workspaceByteCount
    }

    /// The layouts that oneDNN likes best among those that Lockstep uses.
    static func choose(for step: any ConvolutionStep, operands: [TensorType], results: [TensorType]) throws
        -> LibraryConvolution
    {
        var shape = step.libraryShape(operands: operands, results: results)
        if shape.suitsWinograd, let found = try? LibraryConvolution(step: step, shape: shape.byWinograd) {
            return found
        }
        let free = try ConvolutionHandle(shape, isQuestion: true)
        var candidates = [(free.imageBlock, free.windowsBlock)].filter { $0.0 >= 0 && $0.1 >= 0 }
        candidates += [(16, 16), (8, 8), (0, 16), (0, 8), (16, 0), (8, 0), (0, 0)]
        var best: LibraryConvolution?
        for (image, windows) in candidates {
            (shape.image_block, shape.windows_block) = (image, windows)
            guard let found = try? LibraryConvolution(step: step, shape: shape) else { continue }
            if found.speed > best?.speed ?? -1 { best = found }
            if found.speed == 2 { break }
        }
        guard let best else { throw ConvolutionHandle.refusal("choose") }
        return best
    }

    /// Direct convolutions beat those by a product, and anything beats the reference.
    private var speed: Int {
        implementation.hasPrefix("ref") ? 0 : implementation.hasPrefix("gemm") ? 1 : 2
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        (workspaceByteCount + MemoryLayout<Float>.size - 1) / MemoryLayout<Float>.size
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        step.flops(operands: operands, results: results)
    }

    func remark(operands: [TensorType], results: [TensorType]) -> String { "oneDNN \(implementation)" }

    func lower(_ site: Site) throws -> Instruction {
        let handle = try ConvolutionHandle(shape, isQuestion: false)
        let roles = step.roles(operands: site.operands.map(\.slot), results: site.results.map(\.slot))
        let workspace = site.workspace
        return Instruction(label: name) { frame in
            try handle.run(
                image: roles.image.bytes(frame), weight: roles.weight.bytes(frame),
                bias: roles.bias?.bytes(frame), windows: roles.windows.bytes(frame),
                workspace: workspace?.bytes(frame))
        }
    }
}

/// oneDNN's primitive of a convolution, or only its answers about one.
final class ConvolutionHandle {
    private var handle: UnsafeMutablePointer<cdnn_convolution>?

    init(_ shape: cdnn_convolution_shape, isQuestion: Bool) throws {
        var shape = shape
        // The size of a workspace depends on the number of threads: ask as the primitive will be made and run.
        cdnn_use_one_thread()
        let status = cdnn_convolution_create(&handle, &shape, isQuestion ? 1 : 0)
        guard status == dnnl_success else { throw Self.refusal("prepare", status) }
    }

    deinit { cdnn_convolution_destroy(handle) }

    var imageBlock: Int32 { handle?.pointee.image_block ?? Int32(cdnn_other) }
    var windowsBlock: Int32 { handle?.pointee.windows_block ?? Int32(cdnn_other) }
    var workspaceByteCount: Int { Int(cdnn_convolution_workspace(handle)) }

    var implementation: String {
        guard var name = handle?.pointee.implementation else { return "" }
        return withUnsafeBytes(of: &name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    func run(
        image: UnsafeMutableRawPointer, weight: UnsafeMutableRawPointer, bias: UnsafeMutableRawPointer?,
        windows: UnsafeMutableRawPointer, workspace: UnsafeMutableRawPointer?
    ) throws {
        lk_enter_library()
        defer { lk_leave_library() }
        let status = cdnn_convolution_run(handle, image, weight, bias, windows, workspace)
        guard status == dnnl_success else { throw Self.refusal("run", status) }
    }

    static func refusal(_ what: String, _ status: dnnl_status_t? = nil) -> LockstepError {
        let code = status.map { " (status \($0.rawValue))" } ?? ""
        return LockstepError(
            .internalError, "oneDNN could not \(what) a convolution\(code)",
            remedy: "run 'lockstep doctor' and report its output")
    }
}
