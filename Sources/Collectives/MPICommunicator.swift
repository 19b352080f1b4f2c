import CMPI
import Diagnostics
import Foundation

/// The communicator of a job that mpirun started; a process has one in its life.
///
/// A thread of its own initialises MPI and makes every MPI call; callers hand it a closure and wait, no
/// longer than ``timeLimit``. After a `hang` the communicator only serves ``abort(_:)``: MPI may still write
/// to the memory of the collective that hangs, so end the process before that memory is freed.
public final class MPICommunicator: Communicator, @unchecked Sendable {
    /// Where this rank stands.
    public let topology: Topology
    /// Library, version and thread level: `Open MPI 4.1.4, thread multiple`.
    public let description: String
    /// What to tell the user where the ranks of this host cannot share memory; nil where they can.
    public let warning: String?

    private enum Condition {
        case healthy
        case hanging(CollectiveCall)
        case finalized
    }

    private let thread: CommunicationThread
    /// Touched on the communication thread alone.
    private let session: MPISession
    private let lock = NSLock()
    private var condition = Condition.healthy
    private var numbers = [UInt64](repeating: 0, count: CollectiveCall.Scope.allCases.count)
    private var limit: Duration
    private var sent: UInt64 = 0

    /// Initialises MPI. Collective: every rank.
    /// - Throws: `hang` where the other ranks do not come in time; `internalError` with MPI's words.
    public init(options: CommunicatorOptions = CommunicatorOptions()) throws {
        try options.validate()
        // An idle rank must not burn the core that another rank computes on; a user's own setting stays.
        setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0)
        thread = CommunicationThread()
        limit = options.timeLimit
        guard let session = try thread.submit({ try MPISession(options: options) }).wait(options.timeLimit)
        else {
            throw LockstepError(
                .hang, "MPI_Init_thread took longer than \(options.timeLimit)",
                remedy: "see whether every rank has started; raise LOCKSTEP_TIMEOUT if they are merely slow")
        }
        self.session = session
        topology = session.topology
        description = session.description
        warning = session.sharing == .none ? session.sharingFailure.map(Self.warning) : nil
    }

    private static func warning(_ failure: LockstepError) -> String {
        "the ranks of this host share no memory, each works in its own and sends messages, which is slower: "
            + "\(failure.message)"
    }

    /// How long a collective may take before it throws `hang`.
    public var timeLimit: Duration {
        get { lock.withLock { limit } }
        set { lock.withLock { limit = newValue } }
    }

    /// Waits for every rank. Collective: every rank, same order.
    public func barrier() throws {
        try perform("barrier", byteCount: nil) { try check(cmpi_barrier($0.world), "MPI_Barrier") }
    }

    /// The root's bytes on every rank, in pieces where there are more than 2^30. Collective: every rank, same
    /// order.
    public func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8] {
        try checkRoot(root, of: "broadcast")
        return try perform("broadcast", byteCount: rank == root ? bytes.count : nil) {
            try $0.broadcast(bytes, from: root)
        }
    }

    /// Copies the root's memory into every rank's. Collective: every rank, same order.
    public func broadcast(_ buffer: UnsafeMutableRawBufferPointer, from root: Int) throws {
        try checkRoot(root, of: "broadcast")
        try perform("broadcast", byteCount: buffer.count) { try $0.broadcast(buffer, from: root) }
    }

    /// Every rank's bytes on the root. Collective: every rank, same order.
    public func gather(_ bytes: [UInt8], to root: Int) throws -> [[UInt8]]? {
        try checkRoot(root, of: "gather")
        return try perform("gather", byteCount: bytes.count) { try $0.gather(bytes, to: root) }
    }

    /// Every rank's bytes on every rank. Collective: every rank, same order.
    public func allgather(_ bytes: [UInt8]) throws -> [[UInt8]] {
        try perform("allgather", byteCount: bytes.count) { try $0.allgather(bytes) }
    }

    /// The reduction of every rank's value. Collective: every rank, same order.
    public func allreduce(_ value: Int64, _ operation: IntegerReduction) throws -> Int64 {
        try perform("allreduce", byteCount: MemoryLayout<Int64>.size) { try $0.allreduce(value, operation) }
    }

    /// Memory that the node's ranks share: an anonymous memory file, or an MPI-3 window. Collective inside the node.
    public func allocateShared(byteCount: Int) throws -> SharedMemory {
        try perform("allocateShared", scope: .node, byteCount: byteCount) {
            try $0.allocateShared(byteCount: byteCount)
        }
    }

    /// Blocks between the nodes, small ones by doubling, others by a ring of messages. Collective: `leaders`.
    public func exchangeBetweenNodes(
        _ send: UnsafeRawBufferPointer, into receive: [UnsafeMutableRawBufferPointer], leaders: [Int]
    ) throws {
        try checkExchange(send, receive, leaders)
        try perform("exchangeBetweenNodes", scope: .leaders, byteCount: send.count) {
            try $0.exchangeBetweenNodes(send, into: receive, leaders: leaders)
        }
        lock.withLock { sent += UInt64(send.count * (topology.nodeCount - 1)) }
    }

    /// A block to one node and one from another, by MPI_Sendrecv. Collective: `leaders`.
    public func exchange(
        _ send: UnsafeRawBufferPointer, toNode: Int, into receive: UnsafeMutableRawBufferPointer,
        fromNode: Int,
        leaders: [Int]
    ) throws {
        try checkLeaders(leaders, of: "exchange")
        try checkNodes(toNode, fromNode, of: "exchange")
        try perform("exchange", scope: .leaders, byteCount: send.count) {
            try $0.exchange(send, to: leaders[toNode], receive, from: leaders[fromNode])
        }
        if toNode != topology.nodeIndex { lock.withLock { sent += UInt64(send.count) } }
    }

    /// Frees every window and communicator and ends MPI. Collective: every rank.
    public func finalize() throws {
        if lock.withLock({ if case .finalized = condition { true } else { false } }) { return }
        try perform("finalize", byteCount: nil) { try $0.finalize() }
        lock.withLock { condition = .finalized }
        thread.stop()
    }

    /// Ends the job by MPI_Abort: on the communication thread if that is idle, else on this one.
    public func abort(_ code: Int32) -> Never {
        // Whatever MPI does, the process ends: mpirun then ends the others.
        Thread.detachNewThread {
            Thread.sleep(forTimeInterval: 4)
            _exit(code)
        }
        if code == ExitCode.hang.rawValue { Undertaker.start() }
        fflush(nil)
        let isFinalized = lock.withLock { if case .finalized = condition { true } else { false } }
        if !isFinalized {
            if thread.isIdle { _ = try? thread.submit { cmpi_abort(code) }.wait(.seconds(2)) }
            _ = cmpi_abort(code)
        }
        _exit(code)
    }

    // MARK: Handing over

    /// Runs `body` on the communication thread as the next collective of its scope.
    func perform<Value>(
        _ name: String, scope: CollectiveCall.Scope = .world, byteCount: Int?,
        _ body: @escaping (MPISession) throws -> Value
    ) throws -> Value {
        let session = self.session
        // Number and place in the queue are taken together: both are the order of collectives.
        let (call, job, limit) = try lock.withLock {
            try checkHealthy()
            numbers[scope.rawValue] += 1
            let call = CollectiveCall(
                name: name, scope: scope, number: numbers[scope.rawValue], byteCount: byteCount)
            let job = thread.submit {
                session.rollCall.arrive(at: call)
                return try body(session)
            }
            return (call, job, self.limit)
        }
        do {
            if let value = try result(of: job, limit) { return value }
        } catch {
            throw LockstepError.wrapping(error).with(rank: rank, collective: call.description)
        }
        lock.withLock { condition = .hanging(call) }
        let failure = hangError(call, limit)
        announceHang()
        throw failure
    }

    /// What the job returned; nil when its time, or that of another rank of this host, is up.
    private func result<Value>(of job: Job<Value>, _ limit: Duration) throws -> Value? {
        let slice = Duration.milliseconds(100)
        let end = ContinuousClock.now + limit
        while true {
            let left = ContinuousClock.now.duration(to: end)
            if let value = try job.wait(max(.zero, min(left, slice))) { return value }
            if left <= slice || session.rollCall.isHanging { return nil }
        }
    }

    /// Bytes that this rank has sent to other nodes by the exchanges so far.
    public var sentByteCount: UInt64 { lock.withLock { sent } }

    /// Tells all ranks of this host that the time of one is up.
    public func announceHang() { session.rollCall.announceHang() }

    private func checkHealthy() throws {
        switch condition {
        case .healthy: return
        case .finalized: throw LockstepError(.internalError, "a collective after finalize", rank: rank)
        case .hanging(let call):
            throw LockstepError(
                .hang, "an earlier collective hangs", rank: rank, collective: call.description)
        }
    }

    private func hangError(_ call: CollectiveCall, _ limit: Duration) -> LockstepError {
        let participants =
            switch call.scope {
            case .world: Array(0..<worldSize)
            case .node: topology.ranksOfNode[topology.nodeIndex]
            case .leaders: topology.leaders
            }
        let report = session.rollCall.report(on: call, participants: participants)
        let isFirst = !session.rollCall.isHanging
        return LockstepError(
            .hang,
            (isFirst ? "waited \(limit)" : "gave up with another rank, whose time was up") + "; \(report)",
            remedy:
                "see what the missing rank is doing; raise the time limit (--timeout, LOCKSTEP_TIMEOUT) if it is "
                + "merely slow",
            rank: rank, collective: call.description)
    }
}
