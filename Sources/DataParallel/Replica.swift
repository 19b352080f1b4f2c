import Collectives
import Diagnostics
import Execution
import Foundation

/// This rank's replica of the model: its lanes, run step by step together with all other ranks. The calling thread is
/// the first lane; each further lane has a thread of its own.
public final class Replica: @unchecked Sendable {
    /// What the lanes share.
    public let shared: ReplicaShared
    private let lanes: LaneTeam
    private let isFirstOfNode: Bool

    /// Prepares the lanes. Collective: every training rank.
    /// - Parameters:
    ///   - step: steps done before, when a run is resumed.
    ///   - updates: updates applied before.
    ///   - skippedInRow: the skipped steps in a row at that point.
    /// - Throws: `LockstepError` when the model or the data do not fit.
    public init(_ shared: ReplicaShared, step: Int = 0, updates: Int = 0, skippedInRow: Int = 0) throws {
        self.shared = shared
        let first = shared.map.ownLanes.lowerBound - shared.map.nodeLanes.lowerBound
        isFirstOfNode = first == 0
        let progress = Lane.Progress(step: step, updates: updates, skippedInRow: skippedInRow)
        lanes = LaneTeam(
            count: shared.map.ownLanes.count,
            make: { try Lane(shared, number: first + $0, progress: progress) },
            onError: { shared.abort(LockstepError.wrapping($0).code) })
        try attempt { try lanes.prepare() }
    }

    /// Runs steps until `end` of them are done in all, or until any rank was asked to stop.
    /// - Parameter observe: sees each verdict, on the calling thread; it must be quick.
    /// - Returns: the last verdict; `nil` when there was nothing to do.
    /// - Throws: `LockstepError` of this rank's lanes, or the one that says which rank gave up.
    @discardableResult
    public func run(until end: Int, observe: ((StepVerdict) -> Void)? = nil) throws -> StepVerdict? {
        try attempt {
            let driver = exchangeDriver(until: end)
            do {
                try lanes.run { try $0.run(until: end, observe: $1 == 0 ? observe : nil) }
            } catch {
                // Lanes that were told to end their waiting say less than the exchange that told them.
                let own = LockstepError.wrapping(error)
                if own.isEcho || own.code == .hang, let failure = driver?.failure { throw failure }
                throw error
            }
            try driver?.finish()
        }
        return lanes.first?.verdict
    }

    /// The exchange with other nodes for steps up to `end`, where this rank is the node's to talk.
    private func exchangeDriver(until end: Int) -> ExchangeDriver? {
        guard let exchange = shared.exchange, isFirstOfNode, step < end,
            let progress = shared.exchangeProgress()
        else { return nil }
        var (range, passes) = (step..<end, 1)
        if shared.isLocal {
            passes = shared.passesAnAverage
            let first = lanes.first?.passes ?? 0
            let averages = LocalSteps.averageCount(range, every: shared.configuration.localSteps)
            range = first..<(first + averages * passes)
        }
        return ExchangeDriver(exchange, progress: progress, steps: range, passesAnAverage: passes) {
            [shared] in shared.abort(LockstepError.wrapping($0).code)
        }
    }

    /// Compares the parameters of all nodes: before they are saved. Collective: every training rank, between two steps.
    /// - Throws: `LockstepError` (17) naming the nodes and the tensor where they differ.
    public func verifyParameters() throws {
        try attempt { try lanes.run { lane, _ in try lane.verifyParameters() } }
    }

    /// Steps done.
    public var step: Int { lanes.first?.progress.step ?? 0 }
    /// The times of all ranks since they were last drained, `nil` for a rank alone; touch it between steps, or where steps are observed.
    public var rankTimes: RankTimes? { lanes.first?.rankTimes }
    /// Updates applied.
    public var updates: Int { lanes.first?.progress.updates ?? 0 }
    /// Steps skipped in a row for non-finite numbers.
    public var skippedInRow: Int { lanes.first?.progress.skippedInRow ?? 0 }

    /// Says that the present state may be copied by the coordinator. Collective, where nodes keep what compression lost or
    /// shares of the optimizer's state: every training rank, between two steps.
    /// - Returns: on rank 0 the state of which every node holds a share, for ``ReplicaShared/snapshot(_:)``.
    @discardableResult
    public func announce(_ kind: Boundary) throws -> ArenaCopies? {
        if shared.keepsResiduals, isFirstOfNode { try attempt { try shared.exchange?.gatherResiduals() } }
        let notice = BoundaryNotice(step: step, updates: updates, skippedInRow: skippedInRow, kind: kind)
        shared.gate.announce(notice, isFirstOfNode: isFirstOfNode)
        // Where the coordinator is a process of its own, it gathers by itself.
        var state: ArenaCopies?
        if isFirstOfNode, shared.isFirstOfHost { try attempt { state = try shared.gatherState() } }
        return state
    }

    /// Times of the operations of the first lane's program: see ``Program/timings(runs:alone:)``.
    public func timings(runs: Int, alone: Bool) throws -> [OperationTiming] {
        try lanes.first?.timings(runs: runs, alone: alone) ?? []
    }

    /// Ends the lanes' threads.
    public func stop() { lanes.stop() }

    /// Runs something; a failure says on which rank it happened.
    private func attempt(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw LockstepError.wrapping(error).with(rank: shared.communicator.rank, step: step)
        }
    }
}

/// The threads of a replica's lanes. A piece of work runs on all lanes at once, the first on the calling thread.
private final class LaneTeam: @unchecked Sendable {
    private let count: Int
    private let make: @Sendable (Int) throws -> Lane
    private let onError: @Sendable (any Error) -> Void
    private var lanes: [Lane?]
    private var errors: [(any Error)?]
    private let condition = NSCondition()
    private var work: ((Lane, Int) throws -> Void)?
    private var generation = 0
    private var running = 0
    private var isStopped = false

    var first: Lane? { locked { lanes.first ?? nil } }

    /// - Parameter onError: told at once when a lane fails, so that it can end the others' waiting.
    init(
        count: Int, make: @escaping @Sendable (Int) throws -> Lane,
        onError: @escaping @Sendable (any Error) -> Void
    ) {
        self.count = count
        self.make = make
        self.onError = onError
        lanes = Array(repeating: nil, count: count)
        errors = Array(repeating: nil, count: count)
    }

    /// Starts the threads and makes every lane on its own.
    func prepare() throws {
        for index in 1..<max(count, 1) {
            let thread = Thread { [self] in serve(index) }
            thread.stackSize = 8 << 20
            thread.name = "lane \(index)"
            thread.start()
        }
        try run { _, _ in }
    }

    /// Runs a piece of work on every lane and waits for all.
    /// - Throws: the first error that is not merely the echo of another lane's.
    func run(_ body: @escaping (Lane, Int) throws -> Void) throws {
        condition.lock()
        work = body
        generation += 1
        running = count - 1
        condition.broadcast()
        condition.unlock()
        perform(body, 0)
        condition.lock()
        while running > 0 { condition.wait() }
        work = nil
        let failures = errors.compactMap { $0 }
        condition.unlock()
        guard let first = failures.first else { return }
        throw failures.first { !LockstepError.wrapping($0).isEcho } ?? first
    }

    func stop() {
        condition.lock()
        isStopped = true
        condition.broadcast()
        condition.unlock()
    }

    private func serve(_ index: Int) {
        var done = 0
        while true {
            condition.lock()
            while generation == done && !isStopped { condition.wait() }
            guard !isStopped, let body = work else { return condition.unlock() }
            done = generation
            condition.unlock()
            perform(body, index)
            condition.lock()
            running -= 1
            condition.broadcast()
            condition.unlock()
        }
    }

    private func perform(_ body: (Lane, Int) throws -> Void, _ index: Int) {
        do {
            let known = locked { lanes[index] }
            let lane = try known ?? make(index)
            if known == nil { locked { lanes[index] = lane } }
            try body(lane, index)
        } catch {
            locked { errors[index] = error }
            onError(error)
        }
    }

    private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
        condition.lock()
        defer { condition.unlock() }
        return try body()
    }
}
