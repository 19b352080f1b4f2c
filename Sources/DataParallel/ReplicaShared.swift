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
    private let abortSignal: AbortSignal
    /// Where parameters lie in the arenas.
    public let layout: ParameterLayout
    /// Lets the coordinator copy a consistent state while training goes on.
    public let gate: SnapshotGate

    /// Lays out a job and takes the node's memory.
    public init(_ configuration: ReplicaConfiguration, communicator: any Communicator, map: LaneMap) throws {
        self.configuration = configuration
        self.communicator = communicator
        self.map = map
        let layout = ParameterLayout(try configuration.trainingTrace(1))
        let tree = CanonicalTree(leafCount: map.logicalShards)
        let plan = BucketPlan(
            layout, targetByteCount: configuration.bucketByteCount,
            edgeByteCount: map.nodeCount > 1 ? configuration.edgeBucketByteCount : nil)
        stacks = map.nodeLanes.map { ShardStack(shards: map.shards(ofLane: $0), tree: tree) }
        let exchangeLayout = ExchangeLayout(map, tree: tree, leaves: stacks.flatMap(\.published))
        let memory = try NodeMemory(
            communicator, elementCount: layout.elementCount,
            stateCount: configuration.update.optimizer.stateNames.count, shardCount: map.logicalShards,
            buffersOfLane: stacks.map(\.bufferCount),
            exchange: exchangeLayout.map { $0.size(plan) } ?? ExchangeSize(),
            hasNarrowParameters: configuration.precision == .bfloat16)
        self.layout = layout
        self.tree = tree
        self.plan = plan
        self.memory = memory
        chunkTree = CanonicalTree(leafCount: layout.trainedElementCount / ParameterLayout.chunk)
        leaves = stacks.enumerated().flatMap { lane, stack in
            stack.published.enumerated().map { ($1, memory.gradients(lane: lane, buffer: $0)) }
        }
        exchange = exchangeLayout.map { [leaves] in
            NodeExchange(
                $0, communicator: communicator, memory: memory, map: map, tree: tree, plan: plan,
                leaves: leaves.map(\.pointer))
        }
        abortSignal = AbortSignal(at: memory.abort)
        let coordinatorIsHere = communicator.topology.ranksOfNode[map.nodeIndex].contains(0)
        gate = SnapshotGate(
            memory: memory, abortSignal: abortSignal, timeLimit: configuration.timeLimit,
            isCoordinated: coordinatorIsHere)
    }

    /// A thread's view of the exchange between nodes; `nil` on a single node.
    func exchangeProgress() -> ExchangeProgress? {
        guard exchange != nil else { return nil }
        return ExchangeProgress(
            memory: memory, bucketCount: plan.buckets.count, timeLimit: configuration.timeLimit,
            abortSignal: abortSignal, describe: describe)
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
    public func initialize(isResumed: Bool = false, from state: TrainedState? = nil) throws {
        guard isResumed || state == nil else {
            throw LockstepError(.internalError, "a state to go on from, but the run is not resumed")
        }
        if !isResumed, communicator.topology.localRank == 0 {
            layout.initialize(memory.parameters, seed: configuration.seed)
        }
        if isResumed {
            if let state { try state.restore(into: memory, layout: layout, stateNames: stateNames) }
            if communicator.topology.localRank == 0 { try sendState() }
        }
        if let narrow = memory.narrowParameters, communicator.topology.localRank == 0 {
            lk_cast(memory.parameters, LK_FLOAT32, narrow, LK_BFLOAT16, layout.elementCount)
        }
        try communicator.barrier()
    }

    /// Copies the arenas of the first node, where rank 0 filled them, to all others. Collective: the nodes' leaders.
    private func sendState() throws {
        let arenas = [memory.parameters] + stateNames.indices.map { memory.state($0) }
        for arena in arenas where map.nodeCount > 1 {
            let whole = UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: arena, count: memory.elementCount))
            let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            let receive = (0..<map.nodeCount).map { $0 == 0 ? whole : nothing }
            try communicator.exchangeBetweenNodes(
                UnsafeRawBufferPointer(map.nodeIndex == 0 ? whole : nothing), into: receive)
        }
    }

    /// The names of the optimizer's arenas.
    public var stateNames: [String] { configuration.update.optimizer.stateNames }

    /// The node's parameters, for evaluation between two steps.
    public var parameters: UnsafePointer<Float> { UnsafePointer(memory.parameters) }

    /// Copies parameters and optimizer state out of the arenas.
    public func snapshot() -> Snapshot { Snapshot(memory: memory, layout: layout, stateNames: stateNames) }
}
