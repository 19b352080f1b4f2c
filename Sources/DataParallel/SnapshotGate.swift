import Collectives

/// Why replicas pause between two steps.
public struct Boundary: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int
    /// Creates a set from bits.
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// An evaluation starts, and the one before takes effect.
    public static let evaluation = Boundary(rawValue: 1)
    /// A checkpoint is due.
    public static let checkpoint = Boundary(rawValue: 2)
    /// The run ends here: all steps are done, or `--max-steps` are.
    public static let last = Boundary(rawValue: 4)
    /// The run ends here because it was asked to stop.
    public static let preempted = Boundary(rawValue: 8)
}

/// The agreement by which a coordinator copies parameters and optimizer state while training goes on. They are
/// read-only during forward and backward, so replicas announce a boundary and go on; only their next update waits until
/// the coordinator, in this process or another of the node, has published that it copied.
public final class SnapshotGate: @unchecked Sendable {
    private let memory: NodeMemory
    private let boundary: Flag
    private let copied: Flag
    private let isCoordinated: Bool
    private var announced: UInt64 = 0
    private var seen: UInt64 = 0

    init(memory: NodeMemory, abortSignal: AbortSignal, timeLimit: Duration, isCoordinated: Bool) {
        self.memory = memory
        self.isCoordinated = isCoordinated
        // Boundaries are as far apart as the recipe says; a dead replica raises the abort signal.
        boundary = Flag(
            at: memory.boundary, spinCount: 0, timeout: .seconds(365 * 86_400), abortSignal: abortSignal,
            name: "next boundary of the replicas")
        copied = Flag(
            at: memory.copied, spinCount: 0, timeout: timeLimit, abortSignal: abortSignal,
            name: "coordinator's copy of the parameters")
    }

    /// Replica: says that the present state may be copied. Call between two steps, on one thread; the node's first
    /// replica writes the notice.
    func announce(_ notice: BoundaryNotice, isFirstOfNode: Bool) {
        announced += 1
        guard isFirstOfNode else { return }
        memory.notice.pointee = notice
        boundary.publish(announced)
    }

    /// Lane: waits until everything announced has been copied.
    func waitUntilCopied() throws {
        if isCoordinated, announced > 0 { try copied.wait(until: announced) }
    }

    /// Coordinator: waits for the next announcement.
    public func next() throws -> BoundaryNotice {
        seen += 1
        try boundary.wait(until: seen)
        return memory.notice.pointee
    }

    /// Coordinator: lets updates go on.
    public func publishCopied() { copied.publish(seen) }
}
