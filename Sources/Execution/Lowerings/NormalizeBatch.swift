import CKernels
import Graphs

extension NormalizeBatch: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        BatchNormForward(epsilon: epsilon, isSynchronized: isSynchronized).instruction(site, name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        batchNormWorkspace(operands[0], isSynchronized)
    }

    func meetingValueCount(operands: [TensorType]) -> Int? { batchNormMeeting(operands[0], isSynchronized) }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 8 * results[0].shape.elementCount }
}

extension NormalizeBatchFixed: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        BatchNormForward(epsilon: epsilon, isFixed: true).instruction(site, name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        Int(LK_BATCH_NORM_WORKSPACE)
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 4 * results[0].shape.elementCount }
}

/// Batch norm, perhaps plus a residual, perhaps through ReLU, in one pass over the result: (x, scale, shift, the fixed
/// mean and variance for evaluation, the residual) → (y, the norm's companions where backward reads them).
struct BatchNormForward: Lowerable {
    let epsilon: Double
    let isFixed: Bool
    let isSynchronized: Bool
    var hasResidual = false
    var isReLU = false
    var name: String {
        (isSynchronized ? "synchronized-" : "") + (isFixed ? "batch-norm-fixed" : "batch-norm")
            + (hasResidual ? "+add" : "") + (isReLU ? "+relu" : "")
    }
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }
    var precision: PrecisionRule {
        .follows(operands: hasResidual ? [0, residualPlace] : [0], results: [0])
    }
    private var residualPlace: Int { isFixed ? 5 : 3 }

    init(epsilon: Double, isFixed: Bool = false, isSynchronized: Bool = false) {
        self.epsilon = epsilon
        self.isFixed = isFixed
        self.isSynchronized = isSynchronized
    }

    /// What a step does, when it is a batch norm.
    init?(_ operation: any Lowerable) {
        switch operation {
        case let norm as NormalizeBatch:
            self.init(epsilon: norm.epsilon, isSynchronized: norm.isSynchronized)
        case let norm as NormalizeBatchFixed: self.init(epsilon: norm.epsilon, isFixed: true)
        case let norm as BatchNormForward: self = norm
        default: return nil
        }
    }

    func lower(_ site: Site) throws -> Instruction { instruction(site, name) }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        batchNormWorkspace(operands[0], isSynchronized)
    }

    func meetingValueCount(operands: [TensorType]) -> Int? { batchNormMeeting(operands[0], isSynchronized) }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        (isFixed ? 6 : 10) * results[0].shape.elementCount
    }

    func instruction(_ site: Site, _ label: String) -> Instruction {
        let (x, y) = (site.operands[0], site.results[0])
        let (scale, shift) = (site.operands[1].slot, site.operands[2].slot)
        let residual = hasResidual ? site.operands[residualPlace] : nil
        let fixed = isFixed ? (mean: site.operands[3].slot, variance: site.operands[4].slot) : nil
        let companions = site.results.dropFirst().map(\.slot)
        let workspace = site.workspace
        var template = lk_batch_norm_arguments()
        template.groups = ChannelGroups.groups(of: x)
        template.epsilon = Float(epsilon)
        template.is_relu = isReLU ? 1 : 0
        template.x_type = x.type.element.kernelType
        template.residual_type = residual?.type.element.kernelType ?? LK_FLOAT32
        template.y_type = y.type.element.kernelType
        let elementCount = Double(x.type.shape.elementCount / x.type.shape[1])
        return Instruction(label: label) { [template] frame in
            var call = template
            call.x = UnsafeRawPointer(x.slot.bytes(frame))
            call.residual = residual.map { UnsafeRawPointer($0.slot.bytes(frame)) }
            call.y = y.slot.bytes(frame)
            call.scale = UnsafePointer(scale.floats(frame))
            call.shift = UnsafePointer(shift.floats(frame))
            call.fixed_mean = fixed.map { UnsafePointer($0.mean.floats(frame)) }
            call.fixed_variance = fixed.map { UnsafePointer($0.variance.floats(frame)) }
            if companions.count == 3 {
                call.mean = companions[0].floats(frame)
                call.inverse = companions[1].floats(frame)
                call.variance = companions[2].floats(frame)
            }
            call.workspace = workspace?.floats(frame)
            guard isSynchronized, let meeting = frame.pointee.meeting else { return lk_batch_norm(&call) }
            try SynchronizedBatchNorm.run(&call, with: meeting, elementCount: elementCount)
        }
    }
}

/// Floats of scratch memory for a batch norm of x.
private func batchNormWorkspace(_ x: TensorType, _ isSynchronized: Bool) -> Int {
    isSynchronized
        ? SynchronizedBatchNorm.workspaceElementCount(channels: x.shape[1]) : Int(LK_BATCH_NORM_WORKSPACE)
}

/// Numbers that a batch norm of x hands to the other shards.
private func batchNormMeeting(_ x: TensorType, _ isSynchronized: Bool) -> Int? {
    isSynchronized ? SynchronizedBatchNorm.valueCount(channels: x.shape[1]) : nil
}

/// How the kernels find the channels of a tensor [N, C, …].
enum ChannelGroups {
    static func groups(of value: Site.Value) -> lk_channel_groups {
        let (samples, channels, positions) = value.type.shape.split(at: 1)
        var groups = lk_channel_groups()
        groups.total = channels
        groups.runs = samples
        if case .blockedChannels(let block) = value.layout {
            groups.channels = block
            groups.count = (channels + block - 1) / block
            groups.length = positions * block
            groups.group_stride = groups.length
            groups.run_stride = groups.count * groups.length
        } else if positions == 1 {
            groups.channels = 16
            groups.count = (channels + 15) / 16
            (groups.length, groups.group_stride, groups.run_stride) = (16, 16, channels)
            groups.is_cut = 1
        } else {
            (groups.channels, groups.count) = (1, channels)
            (groups.length, groups.group_stride) = (positions, positions)
            groups.run_stride = channels * positions
        }
        return groups
    }
}

extension NormalizeBatchGradient: Lowerable {
    var canRunInPlace: Bool { true }
    var precision: PrecisionRule { .follows(operands: [0, 1], results: [0]) }
    var layouts: LayoutRule { .follows }

    func lower(_ site: Site) throws -> Instruction {
        BatchNormBackward(isSynchronized: isSynchronized).instruction(site, name)
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        batchNormWorkspace(operands[1], isSynchronized)
    }

    func meetingValueCount(operands: [TensorType]) -> Int? { batchNormMeeting(operands[1], isSynchronized) }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 12 * results[0].shape.elementCount }
}

/// The gradient of a batch norm, with the derivative of a ReLU behind it: (upstream, x, mean, 1 / deviation, scale, the
/// ReLU's result) → (gradient by x, gradients by scale and shift where they are read, upstream after the ReLU's
/// derivative where a residual connection reads it).
struct BatchNormBackward: Lowerable {
    var isSynchronized = false
    var isReLU = false
    var keepsUpstream = false
    var name: String {
        (isSynchronized ? "synchronized-" : "") + "batch-norm-gradient" + (isReLU ? "+relu-gradient" : "")
    }
    var canRunInPlace: Bool { true }
    var layouts: LayoutRule { .follows }

    func precision(operands: [TensorType], results: [TensorType]) -> PrecisionRule {
        .follows(
            operands: isReLU ? [0, 1, 5] : [0, 1], results: keepsUpstream ? [0, results.count - 1] : [0])
    }

    func lower(_ site: Site) throws -> Instruction { instruction(site, name) }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        batchNormWorkspace(operands[1], isSynchronized)
    }

    func meetingValueCount(operands: [TensorType]) -> Int? { batchNormMeeting(operands[1], isSynchronized) }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 13 * results[0].shape.elementCount }

    func instruction(_ site: Site, _ label: String) -> Instruction {
        let operands = site.operands
        let saved = isReLU ? operands[5] : nil
        let kept = keepsUpstream ? site.results[site.results.count - 1] : nil
        let factors = site.results.dropFirst().dropLast(keepsUpstream ? 1 : 0).map(\.slot)
        let (dx, workspace) = (site.results[0], site.workspace)
        var template = lk_batch_norm_gradient_arguments()
        template.groups = ChannelGroups.groups(of: operands[1])
        template.dy_type = operands[0].type.element.kernelType
        template.x_type = operands[1].type.element.kernelType
        template.saved_type = saved?.type.element.kernelType ?? LK_FLOAT32
        template.dx_type = dx.type.element.kernelType
        template.kept_type = kept?.type.element.kernelType ?? LK_FLOAT32
        let shape = operands[1].type.shape
        let elementCount = Double(shape.elementCount / shape[1])
        return Instruction(label: label) { [template] frame in
            var call = template
            call.dy = UnsafeRawPointer(operands[0].slot.bytes(frame))
            call.x = UnsafeRawPointer(operands[1].slot.bytes(frame))
            call.saved = saved.map { UnsafeRawPointer($0.slot.bytes(frame)) }
            call.mean = UnsafePointer(operands[2].slot.floats(frame))
            call.inverse = UnsafePointer(operands[3].slot.floats(frame))
            call.scale = UnsafePointer(operands[4].slot.floats(frame))
            call.dx = dx.slot.bytes(frame)
            call.kept = kept?.slot.bytes(frame)
            if factors.count == 2 {
                call.dscale = factors[0].floats(frame)
                call.dshift = factors[1].floats(frame)
            }
            call.workspace = workspace?.floats(frame)
            guard isSynchronized, let meeting = frame.pointee.meeting else {
                return lk_batch_norm_gradient(&call)
            }
            try SynchronizedBatchNorm.run(&call, with: meeting, elementCount: elementCount)
        }
    }
}
