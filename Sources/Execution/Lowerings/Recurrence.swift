import CKernels
import Graphs

extension RecurrentCell {
    /// The number of the cell in C.
    fileprivate var kernelCode: Int32 {
        switch self {
        case .tanh: Int32(LK_CELL_TANH.rawValue)
        case .relu: Int32(LK_CELL_RELU.rawValue)
        case .lstm: Int32(LK_CELL_LSTM.rawValue)
        case .gru: Int32(LK_CELL_GRU.rawValue)
        }
    }
}

extension Site.Value {
    /// The value as kernels take it that read and write either type.
    fileprivate func sequence(_ frame: UnsafePointer<Frame>) -> lk_sequence {
        lk_sequence(
            values: slot.bytes(frame), type: kernelType)
    }
}

extension Recurrence: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0, 1, 2]) }

    func lower(_ site: Site) throws -> Instruction {
        let (operands, results, workspace) = (site.operands, site.results, site.workspace)
        let template = arguments(states: results[0].type.shape)
        let bias = hasBias ? operands[2].slot : nil
        let ids = isMasked ? operands[operands.count - 1].slot : nil
        return Instruction(label: name) { [template] frame in
            var call = template
            call.projected = operands[0].sequence(frame)
            call.weight = UnsafePointer(operands[1].slot.floats(frame))
            call.bias = bias.map { UnsafePointer($0.floats(frame)) }
            call.ids = ids.map { UnsafePointer($0.integers(frame)) }
            call.y = results[0].sequence(frame)
            if results.count > 1 { call.gates = results[1].sequence(frame) }
            if results.count > 2 { call.cells = results[2].sequence(frame) }
            call.workspace = workspace?.floats(frame)
            lk_recurrent(&call)
        }
    }

    /// What does not change from run to run.
    fileprivate func arguments(states: Shape) -> lk_recurrent_arguments {
        var arguments = lk_recurrent_arguments()
        arguments.cell = cell.kernelCode
        arguments.is_reversed = isReversed ? 1 : 0
        (arguments.samples, arguments.tokens, arguments.width) = (states[0], states[1], states[2])
        arguments.padding = paddingID.map(Int64.init) ?? Int64.min
        return arguments
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        lk_recurrent_workspace_count(cell.kernelCode, results[0].shape[0], results[0].shape[2])
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        2 * operands[0].shape.elementCount * results[0].shape[2]
    }
}

extension RecurrenceGradient: Lowerable {
    var precision: PrecisionRule {
        let kept = forward.cell == .lstm ? [3, 4] : forward.cell == .gru ? [3] : []
        return .follows(operands: [0, 1] + kept, results: [0, 1, 2])
    }

    func lower(_ site: Site) throws -> Instruction {
        let (operands, results, workspace) = (site.operands, site.results, site.workspace)
        let template = forward.arguments(states: operands[1].type.shape)
        let ids = forward.isMasked ? operands[operands.count - 1].slot : nil
        let gates = forward.cell.isPlain ? nil : operands[3]
        let cells = forward.cell == .lstm ? operands[4] : nil
        return Instruction(label: name) { [template] frame in
            var call = template
            call.dy = operands[0].sequence(frame)
            call.y = operands[1].sequence(frame)
            call.weight = UnsafePointer(operands[2].slot.floats(frame))
            if let gates { call.gates = gates.sequence(frame) }
            if let cells { call.cells = cells.sequence(frame) }
            call.ids = ids.map { UnsafePointer($0.integers(frame)) }
            call.dprojected = results[0].sequence(frame)
            if results.count > 1 { call.previous = results[1].sequence(frame) }
            if results.count > 2 { call.drecurrent = results[2].sequence(frame) }
            call.workspace = workspace?.floats(frame)
            lk_recurrent_gradient(&call)
        }
    }

    func workspaceElementCount(operands: [TensorType], results: [TensorType]) -> Int {
        lk_recurrent_workspace_count(
            forward.cell.kernelCode, operands[1].shape[0], operands[1].shape[2])
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int {
        2 * results[0].shape.elementCount * operands[1].shape[2]
    }
}

extension LastState: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (states, last) = (site.operands[0], site.results[0])
        let template = arguments(states: states.type.shape)
        let ids = isMasked ? site.operands[1].slot : nil
        return Instruction(label: name) { [template] frame in
            var call = template
            call.states = states.sequence(frame)
            call.last = last.sequence(frame)
            call.ids = ids.map { UnsafePointer($0.integers(frame)) }
            lk_last_state(&call)
        }
    }

    /// What does not change from run to run.
    fileprivate func arguments(states: Shape) -> lk_last_state_arguments {
        var arguments = lk_last_state_arguments()
        (arguments.samples, arguments.tokens, arguments.width) = (states[0], states[1], states[2])
        arguments.forward_width = forwardWidth
        arguments.padding = paddingID.map(Int64.init) ?? Int64.min
        return arguments
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}

extension LastStateGradient: Lowerable {
    var precision: PrecisionRule { .follows(operands: [0], results: [0]) }

    func lower(_ site: Site) throws -> Instruction {
        let (last, states) = (site.operands[0], site.results[0])
        let template = forward.arguments(states: states.type.shape)
        let ids = forward.isMasked ? site.operands[1].slot : nil
        return Instruction(label: name) { [template] frame in
            var call = template
            call.last = last.sequence(frame)
            call.states = states.sequence(frame)
            call.ids = ids.map { UnsafePointer($0.integers(frame)) }
            lk_last_state_gradient(&call)
        }
    }

    func flops(operands: [TensorType], results: [TensorType]) -> Int { 0 }
}
