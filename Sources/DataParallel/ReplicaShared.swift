import CKernels
import Collectives
import Diagnostics
import Execution

/// What the lanes of a replica share, and what a dedicated coordinator sees of them: the plan of a step and the memory
/// of the node. Collective: every rank makes one, in the same order.
public final class ReplicaShared: @unchecked Sendable {
    let configuration: ReplicaConfiguration
    let communicator: any Communicator
    let map: LaneMap
    let tree: CanonicalTree
    let chunkTree: CanonicalTree
    let plan: BucketPlan
    let stacks: [ShardStack]
    /// The subtrees that the node's lanes publish, and the buffers that they lie in.
    let leaves: [(range: Range<Int>, pointer: UnsafeMutablePointer<Float>)]
    let memory: NodeMemory
    let exchange: NodeExchange?
    /// What this node updates.
    let share: NodeShare
    private let stateShares: StateShares?
    /// How many numbers a shard hands in at each meeting of a step; empty without synchronized statistics.
    let meetings: [Int]
    let digest: ParameterDigest?
    private let abortSignal: AbortSignal
    private let coordinatorIsHere: Bool
    /// Whether nodes take steps by themselves.
    let isLocal: Bool
    /// Whether nodes keep what compression lost.
    let keepsResiduals: Bool
    /// Where parameters lie in the arenas.
    public let layout: ParameterLayout
    /// Lets the coordinator copy a consistent state while training goes on.
    public let gate: SnapshotGate

    /// Lays out a job and takes the node's memory.
    public init(_ configuration: ReplicaConfiguration, communicator: any Communicator, map: LaneMap) throws {
        self.configuration = configuration
        self.communicator = communicator
        self.map = map
        try Self.check(configuration)
        let coordinatorIsHere = communicator.topology.ranksOfNode[map.nodeIndex].contains(0)
        let arrangement = try NodeArrangement(configuration, map: map, isFirstNode: coordinatorIsHere)
        let (layout, tree, plan) = (arrangement.layout, arrangement.tree, arrangement.plan)
        let (exchangeLayout, compression) = (arrangement.exchangeLayout, arrangement.compression)
        let memory = try NodeMemory(communicator, arrangement.memory)
        share = arrangement.share
        meetings = arrangement.meetings
        stacks = arrangement.stacks
        self.layout = layout
        self.tree = tree
        self.plan = plan
        self.memory = memory
        chunkTree = CanonicalTree(leafCount: layout.trainedElementCount / ParameterLayout.chunk)
        leaves = stacks.enumerated().flatMap { lane, stack in
            stack.published.enumerated().map { ($1, memory.gradients(lane: lane, buffer: $0)) }
        }
        exchange = exchangeLayout.map { [leaves, meetings, arrangement] in
            NodeExchange(
                $0, communicator: communicator, memory: memory, map: map, tree: tree, plan: plan,
                leaves: leaves.map(\.pointer),
                compressed: compression.map {
                    CompressedExchange($0, memory: memory, map: map, plan: plan, layout: layout)
                }, meetings: meetings, shares: arrangement.shares,
                releasesGradients: arrangement.releasesGradients)
        }
        stateShares =
            arrangement.shares.isEmpty
            ? nil
            : StateShares(
                shares: arrangement.shares, memory: memory, map: map, communicator: communicator,
                arenaCount: configuration.update.optimizer.stateNames.count)
        isLocal = exchangeLayout != nil && configuration.localSteps > 1
        keepsResiduals = compression?.keepsResidual ?? false
        digest = ParameterDigest(memory: memory, map: map, layout: layout, communicator: communicator)
        abortSignal = AbortSignal(at: memory.abort)
        self.coordinatorIsHere = coordinatorIsHere
        gate = SnapshotGate(
            memory: memory, abortSignal: abortSignal, timeLimit: configuration.timeLimit,
            isCoordinated: coordinatorIsHere)
    }

    /// Passes of the exchange that make the nodes alike: one for the parameters, one for each arena of state.
    var passesAnAverage: Int { 1 + stateNames.count }

    /// A thread's view of the exchange between nodes; `nil` on a single node.
    func exchangeProgress() -> ExchangeProgress? {
        guard exchange != nil else { return nil }
        let first = map.ownLanes.lowerBound - map.nodeLanes.lowerBound
        return ExchangeProgress(
            memory: memory, bucketCount: plan.buckets.count, meetingCount: meetings.count,
            exchangesParameters: share.isPartial, ownLanes: first..<(first + map.ownLanes.count),
            timeLimit: configuration.timeLimit, abortSignal: abortSignal, describe: describe)
    }

    /// Refuses what cannot be combined.
    private static func check(_ configuration: ReplicaConfiguration) throws {
        if configuration.zeroStage > 0, configuration.localSteps > 1 || configuration.compression != nil {
            throw LockstepError(
                .usage, "nodes that update shares of the parameters need the exact sums of every step",
                remedy:
                    "drop training.exchange.zeroStage, or training.exchange.localSteps and compression")
        }
        guard configuration.localSteps > 1, configuration.compression != nil else { return }
        throw LockstepError(
            .usage, "local steps exchange parameters, which compression of gradients would spoil",
            remedy: "use one of training.exchange.localSteps and training.exchange.compression")
    }

    /// How errors name a lane of the node.
    private func describe(_ lane: Int) -> String {
        let rank = map.replicasOfNode[map.nodeIndex][lane / map.lanesPerReplica]
        return "rank \(rank) (lane \(lane % map.lanesPerReplica))"
    }

    /// A lane's view of the barrier of the node's lanes.
    func barrier(lane: Int) throws -> NodeBarrier {
        let spin = SpinCount.suggested(
            participants: map.nodeLanes.count, threadsOfThisRank: map.lanesPerReplica)
        return try NodeBarrier(
            at: memory.barrier, participant: lane, participants: map.nodeLanes.count, spinCount: spin,
            timeout: configuration.timeLimit, abortSignal: abortSignal,
            describe: { [self] in describe($0) })
    }

    /// Ends the waiting of every lane of the node; of every rank of the host, where the time of one is up.
    public func abort(_ code: ExitCode) {
        abortSignal.raise(by: communicator.rank, code: code)
        if code == .hang { communicator.announceHang() }
    }

    /// Writes the initial values, or those of a checkpoint, into every node's arenas. Collective: every rank.
    /// - Parameters:
    ///   - isResumed: whether a checkpoint goes on; the same on every rank.
    ///   - state: what the checkpoint holds; needed on rank 0 alone.
    public func initialize(
        isResumed: Bool = false, isPretrained: Bool = false, from state: TrainedState? = nil
    ) throws {
        guard isResumed || isPretrained || state == nil else {
            throw LockstepError(.internalError, "a state to go on from, but the run is not resumed")
        }
        if !isResumed, isFirstOfHost {
            layout.initialize(memory.parameters, seed: configuration.seed)
        }
        if isPretrained, !isResumed {
            state?.restoreKnown(into: memory.parameters, layout: layout)
            if isFirstOfHost { try sendState() }
        }
        if isResumed {
            if let state { try restore(state) }
            if isFirstOfHost {
                try sendState()
                try distributeState(state)
            }
            if keepsResiduals, isLeader { try exchange?.scatterResiduals() }
        }
        if let narrow = memory.narrowParameters, isFirstOfHost {
            lk_cast(memory.parameters, LK_FLOAT32, narrow, LK_BFLOAT16, layout.elementCount)
        }
        try communicator.barrier()
    }

    /// Copies the arenas of the first node, where rank 0 filled them, to all others. Collective: the nodes' leaders.
    private func sendState() throws {
        var arenas = [memory.parameters]
        if stateShares == nil { arenas += stateNames.indices.map { memory.state($0) } }
        for arena in arenas where map.nodeCount > 1 {
            let whole = UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: arena, count: memory.elementCount))
            let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            let receive = (0..<map.nodeCount).map { $0 == 0 ? whole : nothing }
            try communicator.exchangeBetweenNodes(
                UnsafeRawBufferPointer(map.nodeIndex == 0 ? whole : nothing), into: receive)
        }
    }

    /// Gives every node its share of a checkpoint's state, one whole arena at a time. Collective: the nodes' leaders.
    private func distributeState(_ state: TrainedState?) throws {
        guard let stateShares else { return }
        let whole = state.map { _ in ArenaCopies(count: 1, elementCount: layout.elementCount) }
        for (index, name) in stateNames.enumerated() {
            if let whole {
                whole.arena(0).update(repeating: 0, count: layout.elementCount)
                try state?.restore(name, into: whole.arena(0), layout: layout)
            }
            try stateShares.distribute(whole.map { UnsafePointer($0.arena(0)) }, index: index)
        }
    }

    /// The names of the optimizer's arenas.
    public var stateNames: [String] { configuration.update.optimizer.stateNames }

    /// The node's parameters, for evaluation between two steps.
    public var parameters: UnsafePointer<Float> { UnsafePointer(memory.parameters) }

    /// Whether this rank talks to other nodes for its own.
    var isLeader: Bool { exchange.map { $0.leaders[map.nodeIndex] == communicator.rank } ?? false }

    /// Whether this rank is the first of its host, coordinators included.
    var isFirstOfHost: Bool { communicator.topology.localRank == 0 }

    /// What checkpoints hold beside parameters: the optimizer's arenas, and on the first node everybody's residual.
    private var savedArenas: [(name: String, arena: UnsafeMutablePointer<Float>)] {
        let states = stateNames.enumerated().map { ($1, memory.state($0)) }
        guard keepsResiduals, coordinatorIsHere else { return states }
        return states + (0..<map.nodeCount).map { ("residual.\($0)", memory.gatheredResidual($0)) }
    }

    /// Writes the state of a checkpoint into the arenas of the first node. Residuals of another number of nodes are added
    /// up for the first: nothing that was kept back is lost.
    private func restore(_ state: TrainedState) throws {
        guard stateShares == nil else {
            return try state.restoreParameters(into: memory.parameters, layout: layout)
        }
        var arenas = savedArenas
        let saved = state.residualCount
        guard keepsResiduals, saved != map.nodeCount else {
            return try state.restore(into: memory, arenas, layout: layout)
        }
        arenas.removeLast(map.nodeCount)
        try state.restore(into: memory, arenas, layout: layout)
        for node in 0..<saved {
            let place = memory.gatheredResidual(min(node, 1))
            try state.restore(into: memory, [("residual.\(node)", place)], layout: layout)
            guard node > 0 else { continue }
            let sum = memory.gatheredResidual(0)
            lk_add(sum, LK_FLOAT32, place, LK_FLOAT32, sum, LK_FLOAT32, memory.elementCount)
        }
        if saved > 1 { memory.gatheredResidual(1).update(repeating: 0, count: memory.elementCount) }
    }

    /// Gathers the state of which every node holds a share, for ``snapshot(_:)``; `nil` where the node holds all of it.
    /// Collective: rank 0, and the other nodes' first ranks, which announce a boundary (``Replica/announce(_:)``).
    public func gatherState() throws -> ArenaCopies? {
        guard let stateShares else { return nil }
        guard map.nodeIndex > 0 else { return try stateShares.gather() }
        try stateShares.send()
        return nil
    }

    /// Copies parameters and optimizer state out of the arenas, and what nodes keep from one another as it was at the last
    /// boundary (``Replica/announce(_:)``).
    /// - Parameter state: what ``gatherState()`` gave.
    public func snapshot(_ state: ArenaCopies? = nil) -> Snapshot {
        guard stateShares != nil else {
            return Snapshot(memory: memory, layout: layout, arenas: savedArenas)
        }
        let none = ArenaCopies(count: 0, elementCount: 0)
        return Snapshot(
            memory: memory, layout: layout, states: state ?? none, stateNames: state == nil ? [] : stateNames)
    }
}
