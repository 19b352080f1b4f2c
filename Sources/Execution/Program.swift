import COneDNN
import Diagnostics
import Graphs

/// A plan ready to run: prepared instructions over an arena of its own. One thread runs it at a time.
public final class Program {
    /// Samples that a run takes.
    public let sampleCount: Int
    private let instructions: [Instruction]
    private let arena: UnsafeMutableRawPointer
    private let bases: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let frame: UnsafeMutablePointer<Frame>
    private let fieldCount: Int
    private let predictionSlot: Slot
    private let predictionCount: Int
    private let lossSlot: Slot?
    private let termCountSlot: Slot?
    private let staticTermCount: Int

    /// Prepares every instruction.
    /// - Throws: `LockstepError` when oneDNN refuses a primitive.
    public init(_ plan: Plan) throws {
        Self.useOneThread()
        sampleCount = plan.trace.sampleCount
        staticTermCount = plan.trace.lossTermCount
        fieldCount = plan.trace.fields.count
        instructions = try Self.prepare(plan)
        let outputs = plan.schedule.outputs
        predictionSlot = try Self.slot(of: outputs[0], in: plan)
        predictionCount = outputs[0].type.shape.elementCount
        lossSlot = outputs.count > 1 ? try Self.slot(of: outputs[1], in: plan) : nil
        termCountSlot = outputs.count > 2 ? try Self.slot(of: outputs[2], in: plan) : nil
        let byteCount = max(64, plan.arenaByteCount)
        arena = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        arena.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        bases = .allocate(capacity: 3 + fieldCount)
        bases.initialize(repeating: arena, count: 3 + fieldCount)
        frame = .allocate(capacity: 1)
        frame.initialize(to: Frame(bases: bases))
    }

    deinit {
        arena.deallocate()
        bases.deallocate()
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
    ///   - fields: the micro-batch in the order of the trace's fields.
    public func bind(
        parameters: UnsafePointer<Float>, gradients: UnsafeMutablePointer<Float>?,
        fields: UnsafePointer<UnsafeMutableRawPointer>, seed: UInt64, step: UInt64, firstSample: Int
    ) {
        bases[1] = UnsafeMutableRawPointer(mutating: parameters)
        if let gradients { bases[2] = UnsafeMutableRawPointer(gradients) }
        for index in 0..<fieldCount { bases[3 + index] = fields[index] }
        frame.pointee.seed = seed
        frame.pointee.step = step
        frame.pointee.firstSample = firstSample
    }

    /// Runs all instructions.
    /// - Throws: `LockstepError` when a oneDNN primitive fails.
    public func run() throws {
        for instruction in instructions { try instruction.run(frame) }
    }

    /// The predictions of the last run, row-major; valid until the next.
    public var predictions: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: predictionSlot.floats(frame), count: predictionCount)
    }

    /// The summed loss of the last run; zero for a plan without labels.
    public var lossSum: Float { lossSlot.map { $0.floats(frame)[0] } ?? 0 }

    /// Terms that the loss of the last run summed: known from the shapes, unless labels are ignored.
    public var lossTermCount: Int { termCountSlot.map { Int($0.floats(frame)[0]) } ?? staticTermCount }

    /// Runs each instruction and adds the nanoseconds it took to `times`, for profiles.
    public func profile(into times: inout [String: (nanoseconds: UInt64, count: Int)]) throws {
        for instruction in instructions {
            let start = ContinuousClock.now
            try instruction.run(frame)
            let took = (ContinuousClock.now - start).components
            let nanoseconds = UInt64(took.seconds) * 1_000_000_000 + UInt64(took.attoseconds / 1_000_000_000)
            let before = times[instruction.label] ?? (0, 0)
            times[instruction.label] = (before.nanoseconds + nanoseconds, before.count + 1)
        }
    }
}
