import Execution
import Graphs

/// How the work and the memory of a step are laid out on a node: arithmetic from a configuration, done before anything is
/// allocated.
struct NodeArrangement {
    let layout: ParameterLayout
    let tree: CanonicalTree
    let plan: BucketPlan
    let stacks: [ShardStack]
    let exchangeLayout: ExchangeLayout?
    let compression: (any GradientCompression)?
    let meetings: [Int]
    /// What this node updates.
    let share: NodeShare
    /// What each node updates, where that is not everything.
    let shares: [NodeShare]
    /// Whether gradients are given back as soon as they are summed.
    let releasesGradients: Bool
    let memory: NodeMemory.Layout

    /// Lays a node out.
    /// - Parameter isFirstNode: whether rank 0, which writes checkpoints, is on it.
    init(_ configuration: ReplicaConfiguration, map: LaneMap, isFirstNode: Bool) throws {
        let trace = try configuration.trainingTrace(1)
        layout = ParameterLayout(trace)
        tree = CanonicalTree(leafCount: map.logicalShards)
        plan = BucketPlan(
            layout, targetByteCount: configuration.bucketByteCount,
            edgeByteCount: map.nodeCount > 1 ? configuration.edgeBucketByteCount : nil)
        stacks = map.nodeLanes.map { [tree] in ShardStack(shards: map.shards(ofLane: $0), tree: tree) }
        let exchangeLayout = ExchangeLayout(
            map, tree: tree, leaves: stacks.flatMap(\.published), scatters: configuration.zeroStage > 0)
        self.exchangeLayout = exchangeLayout
        shares =
            exchangeLayout.map { [plan] exchange in
                guard exchange.scatters else { return [] }
                return (0..<map.nodeCount).map {
                    NodeShare(plan, scheme: exchange.scheme, node: $0, of: map.nodeCount)
                }
            } ?? []
        share = shares.isEmpty ? NodeShare(plan) : shares[map.nodeIndex]
        releasesGradients = configuration.zeroStage > 1 && !shares.isEmpty
        compression = exchangeLayout == nil ? nil : configuration.compression
        meetings = try LaneMeeting.counts(trace, layout: layout, map: map)
        var exchange = exchangeLayout.map { [plan] in $0.size(plan) } ?? ExchangeSize()
        if let compression {
            let outgoing = exchange.outgoing
            exchange = CompressedExchange.size(
                compression, nodeCount: map.nodeCount, isFirstNode: isFirstNode, plan: plan, layout: layout)
            exchange.outgoing = outgoing
        }
        memory = NodeMemory.Layout(
            elementCount: layout.elementCount, stateCount: configuration.update.optimizer.stateNames.count,
            stateElementCount: share.elementCount,
            shardCount: map.logicalShards, buffersOfLane: stacks.map(\.bufferCount), exchange: exchange,
            hasNarrowParameters: configuration.precision == .bfloat16,
            meetingByteCount: LaneMeeting.byteCount(meetings, shardCount: map.logicalShards))
    }
}

extension NodeArrangement {
    /// Bytes of gradients that are in use at most, where they are given back while backward goes on: the node's share, and
    /// of each lane the bucket that travels and the one that fills. `nil` where all of them are in use at the end of
    /// backward.
    func boundGradientByteCount(_ configuration: ReplicaConfiguration) -> Int? {
        guard releasesGradients, configuration.overlapsExchange, meetings.isEmpty,
            stacks.allSatisfy({ $0.turns.count == 1 })
        else { return nil }
        let sizes = plan.buckets.map(\.count)
        let pairs = zip(sizes, sizes.dropFirst()).map { $0 + $1 }
        let inFlight = pairs.max() ?? layout.elementCount
        return (share.elementCount + stacks.count * inFlight) * MemoryLayout<Float>.size
    }
}

/// The memory that the ranks of a node share in a job, in bytes, by what it is for.
public struct NodeMemorySize: Sendable, Equatable {
    /// The node's parameters, and their bfloat16 copy where there is one.
    public let parameters: Int
    /// The optimizer's state: the node's share of it.
    public let optimizerState: Int
    /// The state of all nodes, as a checkpoint has it.
    public let savedState: Int
    /// Every lane's gradient buffers, as much of them as is in use at a time.
    public let gradients: Int
    /// What the exchange between nodes sends and receives, and what compression keeps.
    public let exchange: Int
    /// All of it, with flags, reports and digests.
    public let total: Int

    /// What the first node of a job takes.
    /// - Throws: `LockstepError` where model and topology do not fit.
    public init(_ configuration: ReplicaConfiguration, map: LaneMap) throws {
        let arrangement = try NodeArrangement(configuration, map: map, isFirstNode: true)
        let memory = arrangement.memory
        let arena = memory.elementCount * MemoryLayout<Float>.size
        parameters = arena + (memory.hasNarrowParameters ? arena / 2 : 0)
        optimizerState = memory.stateElementCount * memory.stateCount * MemoryLayout<Float>.size
        savedState = arena * memory.stateCount
        let buffers = arena * memory.buffersOfLane.reduce(0, +)
        gradients = min(buffers, arrangement.boundGradientByteCount(configuration) ?? buffers)
        exchange = memory.exchange.byteCount(arena: arena)
        total = memory.byteCount - buffers + gradients
    }
}
