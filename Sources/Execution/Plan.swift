import Diagnostics
import Graphs

/// A trace turned into a schedule with a place for every value: everything about a program but the running of it.
public struct Plan {
    let trace: ModelTrace
    let layout: ParameterLayout
    let schedule: Schedule
    let memory: MemoryPlan

    /// Plans a trace: simplify, fuse, choose precision and layouts, place gradients, place memory.
    /// - Parameters:
    ///   - precision: what products and convolutions compute in.
    ///   - keepsPredictions: whether they are read after a run; training need not, which saves their memory.
    /// - Throws: `LockstepError` when an operation cannot be lowered.
    public init(
        _ trace: ModelTrace, layout: ParameterLayout, precision: Precision = .float32,
        keepsPredictions: Bool = true
    ) throws {
        self.trace = trace
        self.layout = layout
        let fused = Fusion.fuse(try Simplification.schedule(trace, keepsPredictions: keepsPredictions))
        let typed = PrecisionPass.apply(fused, precision)
        let laidOut = try Layouts.choose(typed)
        let (schedule, gradientOffsets) = GradientPlacement.place(laidOut, layout: layout)
        self.schedule = schedule
        var fixed = try Self.fixedSlots(trace, layout, gradientOffsets)
        for (storage, node) in schedule.narrowParameters {
            guard let slot = fixed[node] else { continue }
            fixed[storage] = Slot(.narrowParameters, byteOffset: slot.byteOffset / 2)
        }
        memory = MemoryPlan(schedule, fixed: fixed)
    }

    /// Bytes of the arena of activations and workspaces.
    public var arenaByteCount: Int { memory.arenaByteCount }

    /// How many numbers the program hands to the other logical shards at each of its meetings, in order; empty for nearly
    /// all. See ``ShardMeeting``.
    public var meetings: [Int] {
        schedule.steps.compactMap { $0.operation.meetingValueCount(operands: $0.operands.map(\.type)) }
    }

    /// Parameters by name in the layout (an evaluation may trace them in another order), fields by their number.
    private static func fixedSlots(
        _ trace: ModelTrace, _ layout: ParameterLayout, _ gradientOffsets: [Int: Int]
    ) throws -> [Int: Slot] {
        var slots = gradientOffsets.mapValues { Slot(.gradients, byteOffset: $0) }
        for (index, node) in trace.graph.nodes.enumerated() {
            switch node.leaf {
            case .parameter(let ordinal):
                let parameter = trace.graph.parameters[ordinal]
                slots[index] = try slot(parameter.name, parameter.shape, in: layout.segments)
            case .buffer(let ordinal):
                let buffer = trace.graph.buffers[ordinal]
                slots[index] = try slot(buffer.name, buffer.shape, in: layout.buffers)
            case .input(let name):
                let number = trace.fields.firstIndex { $0.name == name } ?? 0
                slots[index] = Slot(.field(number), byteOffset: 0)
            case .constant, nil: break
            }
        }
        return slots
    }

    private static func slot(_ name: String, _ shape: Shape, in segments: [ParameterLayout.Segment]) throws
        -> Slot
    {
        guard let segment = segments.first(where: { $0.name == name }), segment.shape == shape else {
            throw LockstepError(
                .mismatch, "parameter '\(name)' \(shape) is not in the trained model",
                remedy: "build the model that the checkpoint was trained with")
        }
        return Slot(.parameters, byteOffset: segment.offset * MemoryLayout<Float>.size)
    }
}
