import COneDNN
import Diagnostics
import Graphs

/// A plan ready to run: prepared instructions over an arena. One thread runs it, and all that share the arena, at a time.
public final class Program {
    /// Samples that a run takes.
    public let sampleCount: Int
    let instructions: [Instruction]
    /// What each instruction costs on paper, for profiles.
    let costs: [(path: String, cost: OperationCost, isInPlace: Bool)]
    private let arena: ActivationArena
    private let bases: UnsafeMutablePointer<UnsafeMutableRawPointer>
    let frame: UnsafeMutablePointer<Frame>
    private let fieldCount: Int
    private let needsNarrowParameters: Bool
    private let predictionSlot: Slot?
    private let predictionCount: Int
    private let lossSlot: Slot?
    private let termCountSlot: Slot?
    private let staticTermCount: Int

    /// Prepares every instruction.
    /// - Parameter arena: memory shared with programs that run at other times; one of its own by itself.
    /// - Throws: `LockstepError` when oneDNN refuses a primitive.
    public init(_ plan: Plan, arena: ActivationArena = ActivationArena()) throws {
        Self.useOneThread()
        sampleCount = plan.trace.sampleCount
        staticTermCount = plan.trace.lossTermCount
        fieldCount = plan.trace.fields.count
        instructions = try Self.prepare(plan)
        costs = plan.schedule.steps.map { step in
            let isInPlace = step.operands.contains { operand in
                step.results.contains { plan.memory.slots[$0.storage] == plan.memory.slots[operand.storage] }
            }
            return (step.path, step.cost, isInPlace)
        }
        let outputs = plan.schedule.outputs
        predictionSlot = try outputs.predictions.map { try Self.slot(of: $0, in: plan) }
        predictionCount = outputs.predictions?.type.shape.elementCount ?? 0
        lossSlot = try outputs.loss.map { try Self.slot(of: $0, in: plan) }
        termCountSlot = try outputs.termCount.map { try Self.slot(of: $0, in: plan) }
        self.arena = arena
        arena.reserve(plan.arenaByteCount)
        let baseCount = MemoryRegion.fieldBase + fieldCount
        bases = .allocate(capacity: baseCount)
        bases.initialize(repeating: arena.base, count: baseCount)
        needsNarrowParameters = !plan.schedule.narrowParameters.isEmpty
        frame = .allocate(capacity: 1)
        frame.initialize(to: Frame(bases: bases))
    }

    deinit {
        bases.deallocate()
        frame.deinitialize(count: 1)
        frame.deallocate()
    }

    private static func prepare(_ plan: Plan) throws -> [Instruction] {
        try plan.schedule.steps.enumerated().map { index, step in
            let place = Site(
                operands: try step.operands.map { try site(of: $0, in: plan) },
                results: try step.results.map { try site(of: $0, in: plan) },
                workspace: plan.memory.workspaces[index])
            return try step.operation.lower(place)
        }
    }

    private static func site(of value: PlanValue, in plan: Plan) throws -> Site.Value {
        Site.Value(type: value.type, layout: value.layout, slot: try slot(of: value, in: plan))
    }

    private static func slot(of value: PlanValue, in plan: Plan) throws -> Slot {
        guard let slot = plan.memory.slots[value.storage] else {
            throw LockstepError(.internalError, "value \(value.storage) of the plan has no place")
        }
        return slot
    }

    /// Keeps oneDNN on the calling thread; call it on every thread that creates or runs programs.
    public static func useOneThread() { cdnn_use_one_thread() }

    /// Says where parameters, gradients and the micro-batch are, and what random numbers are keyed by.
    /// - Parameters:
    ///   - gradients: an arena of the layout; `nil` for a plan without gradients.
    ///   - narrowParameters: the parameters rounded to bfloat16, for a plan of that precision.
    ///   - fields: the micro-batch in the order of the trace's fields.
    public func bind(
        parameters: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>?,
        narrowParameters: UnsafePointer<UInt16>? = nil,
        fields: UnsafePointer<UnsafeMutableRawPointer>, seed: UInt64, step: UInt64, firstSample: Int
    ) {
        // A larger program may have moved the arena since.
        bases[0] = arena.base
        bases[1] = UnsafeMutableRawPointer(mutating: parameters)
        if let gradients { bases[2] = UnsafeMutableRawPointer(gradients) }
        if let narrowParameters {
            bases[3] = UnsafeMutableRawPointer(mutating: narrowParameters)
        } else {
            precondition(!needsNarrowParameters, "a plan in bfloat16 is bound without bfloat16 parameters")
        }
        for index in 0..<fieldCount { bases[MemoryRegion.fieldBase + index] = fields[index] }
        frame.pointee.seed = seed
        frame.pointee.step = step
        frame.pointee.firstSample = firstSample
    }

    /// Finds the arena where it is by now, for runs of what was bound earlier.
    func reenter() { bases[0] = arena.base }

    /// Says where instructions meet those of the other logical shards of the step; by itself a program is alone.
    public func join(_ meeting: (any ShardMeeting)?) { frame.pointee.meeting = meeting }

    /// Runs all instructions.
    /// - Throws: `LockstepError` when a oneDNN primitive fails.
    public func run() throws {
        for instruction in instructions { try instruction.run(frame) }
    }

    /// Runs all instructions, stopping on the way.
    /// - Parameters:
    ///   - stops: counts of instructions, ascending, as ``Plan/completions(of:)`` makes them.
    ///   - reached: told the place of each stop as soon as so many instructions have run.
    /// - Throws: `LockstepError` when a oneDNN primitive fails, and what `reached` throws.
    public func run(stoppingAfter stops: [Int], _ reached: (Int) throws -> Void) throws {
        var next = 0
        for place in stops.indices {
            while next < stops[place] {
                try instructions[next].run(frame)
                next += 1
            }
            try reached(place)
        }
        while next < instructions.count {
            try instructions[next].run(frame)
            next += 1
        }
    }

    /// The predictions of the last run, row-major; valid until the next. Empty for a plan that does not keep them.
    public var predictions: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: predictionSlot?.floats(frame), count: predictionCount)
    }

    /// The summed loss of the last run; zero for a plan without labels.
    public var lossSum: Float { lossSlot.map { $0.floats(frame)[0] } ?? 0 }

    /// Terms that the loss of the last run summed: known from the shapes, unless labels are ignored.
    public var lossTermCount: Int { termCountSlot.map { Int($0.floats(frame)[0]) } ?? staticTermCount }
}
