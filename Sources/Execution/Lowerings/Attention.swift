import CKernels
import Graphs

extension Attention: Lowerable {
    /// Scores and sums are computed in float32 whatever the operands are stored as.
    var precision: PrecisionRule { .follows(operands: Array(0..<form.operandCount), results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let call = try AttentionCall(self, site.operands)
        let (result, logs) = (site.results[0], site.results.count > 1 ? site.results[1].slot : nil)
        let workspace = site.workspace
        return Instruction(label: name) { frame in
            var arguments = call.arguments(frame)
            arguments.o = result.slot.bytes(frame)
            arguments.o_type = result.type.element.kernelType
            arguments.log_sums = logs?.floats(frame)
            arguments.workspace = workspace?.floats(frame)
            call.withDropout(frame, &arguments) { lk_attention($0) }
        }
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        workspaceElementCount(operands, isGradient: false)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 2 * productFlops(operands) }

    /// Floats of scratch memory for operands of these types.
    fileprivate func workspaceElementCount(_ operands: [TensorType], isGradient: Bool) -> Int {
        guard let extents = try? extents(operands.map(\.traced)) else { return 0 }
        return lk_attention_workspace_count(
            extents.queries, extents.keys, extents.width, isGradient ? 1 : 0)
    }

    /// One of the products of queries and keys; causal ones are half of it.
    fileprivate func productFlops(_ operands: [TensorType]) -> Int {
        guard let extents = try? extents(operands.map(\.traced)) else { return 0 }
        let all = 2 * extents.samples * heads * extents.queries * extents.keys * extents.width
        return isCausal ? all / 2 : all
    }
}

extension AttentionGradient: Lowerable {
    var precision: PrecisionRule {
        let count = attention.form.operandCount
        return .follows(operands: [0, 1] + (3..<(3 + count)), results: Array(0..<count))
    }

    func lower(_ site: Site) throws -> Instruction {
        let call = try AttentionCall(attention, Array(site.operands[3...]))
        let (upstream, result, logs) = (site.operands[0], site.operands[1], site.operands[2].slot)
        let (results, workspace) = (site.results, site.workspace)
        return Instruction(label: name) { frame in
            var arguments = call.arguments(frame)
            arguments.o = result.slot.bytes(frame)
            arguments.o_type = result.type.element.kernelType
            arguments.d_o = UnsafeRawPointer(upstream.slot.bytes(frame))
            arguments.d_o_type = upstream.type.element.kernelType
            arguments.log_sums = logs.floats(frame)
            arguments.workspace = workspace?.floats(frame)
            let at = call.places(results, frame)
            (arguments.dq, arguments.dq_type) = (at.query.pointer, at.query.type)
            (arguments.dk, arguments.dk_type) = (at.key.pointer, at.key.type)
            (arguments.dv, arguments.dv_type) = (at.value.pointer, at.value.type)
            call.withDropout(frame, &arguments) { lk_attention_gradient($0) }
        }
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        attention.workspaceElementCount(Array(operands[3...]), isGradient: true)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        5 * attention.productFlops(Array(operands[3...]))
    }
}

/// What the kernels of an attention are told, but for addresses.
private struct AttentionCall {
    private let form: AttentionForm
    private let firstHeads: (key: Int, value: Int)
    private let width: Int
    private let operands: [Site.Value]
    private let template: lk_attention_arguments
    private let dropout: Dropout?

    init(_ attention: Attention, _ operands: [Site.Value]) throws {
        let extents = try attention.extents(operands.map(\.type.traced))
        form = attention.form
        dropout = attention.dropout
        firstHeads = form.firstHeads(heads: attention.heads, groups: attention.groups)
        width = extents.width
        self.operands = operands
        var template = lk_attention_arguments()
        (template.samples, template.queries, template.keys) = (
            extents.samples, extents.queries, extents.keys
        )
        (template.heads, template.groups, template.width) = (
            attention.heads, attention.groups, extents.width
        )
        template.scale = Float(extents.scale)
        template.is_causal = attention.isCausal ? 1 : 0
        template.padding = Int64(attention.paddingID ?? 0)
        template.q_row = operands[form.places.query].type.shape[2]
        template.k_row = operands[form.places.key].type.shape[2]
        template.v_row = operands[form.places.value].type.shape[2]
        self.template = template
    }

    typealias Place = (pointer: UnsafeMutableRawPointer, type: lk_type)

    /// Where queries, keys and values start in the operands, or their gradients in the results.
    func places(_ values: [Site.Value], _ frame: UnsafePointer<Frame>) -> (
        query: Place, key: Place, value: Place
    ) {
        func place(_ index: Int, _ head: Int) -> Place {
            let element = values[index].type.element
            return (
                values[index].slot.bytes(frame) + head * width * element.byteCount, element.kernelType
            )
        }
        return (
            place(form.places.query, 0), place(form.places.key, firstHeads.key),
            place(form.places.value, firstHeads.value)
        )
    }

    /// Calls a kernel with the keys of the step's random numbers, if it drops out.
    func withDropout(
        _ frame: UnsafePointer<Frame>, _ arguments: inout lk_attention_arguments,
        _ kernel: (UnsafePointer<lk_attention_arguments>) -> Void
    ) {
        guard let dropout else { return kernel(&arguments) }
        var key = lk_dropout_arguments()
        (key.ordinal, key.threshold, key.scale) = (UInt32(dropout.ordinal), dropout.threshold, dropout.scale)
        key.seed = frame.pointee.seed
        key.step = UInt32(truncatingIfNeeded: frame.pointee.step)
        key.first_sample = UInt32(truncatingIfNeeded: frame.pointee.firstSample)
        withUnsafePointer(to: key) {
            arguments.dropout = $0
            kernel(&arguments)
        }
    }

    func arguments(_ frame: UnsafePointer<Frame>) -> lk_attention_arguments {
        var arguments = template
        let at = places(operands, frame)
        (arguments.q, arguments.q_type) = (UnsafeRawPointer(at.query.pointer), at.query.type)
        (arguments.k, arguments.k_type) = (UnsafeRawPointer(at.key.pointer), at.key.type)
        (arguments.v, arguments.v_type) = (UnsafeRawPointer(at.value.pointer), at.value.type)
        if operands.count > form.operandCount {
            arguments.ids = UnsafePointer(operands[form.operandCount].slot.integers(frame))
        }
        return arguments
    }
}

extension TensorType {
    /// The type as it was traced: the planner may have chosen bfloat16 since.
    fileprivate var traced: TensorType { element == .bfloat16 ? TensorType(shape) : self }
}
