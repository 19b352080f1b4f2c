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
        exchangeLayout = ExchangeLayout(map, tree: tree, leaves: stacks.flatMap(\.published))
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
            shardCount: map.logicalShards, buffersOfLane: stacks.map(\.bufferCount), exchange: exchange,
            hasNarrowParameters: configuration.precision == .bfloat16,
            meetingByteCount: LaneMeeting.byteCount(meetings, shardCount: map.logicalShards))
    }
}

/// The memory that the ranks of a node share in a job, in bytes, by what it is for.
public struct NodeMemorySize: Sendable, Equatable {
    /// The node's parameters, and their bfloat16 copy where there is one.
    public let parameters: Int
    /// The optimizer's state.
    public let optimizerState: Int
    /// Every lane's gradient buffers.
    public let gradients: Int
    /// What the exchange between nodes sends and receives, and what compression keeps.
    public let exchange: Int
    /// All of it, with flags, reports and digests.
    public let total: Int

    /// What the first node of a job takes.
    /// - Throws: `LockstepError` where model and topology do not fit.
    public init(_ configuration: ReplicaConfiguration, map: LaneMap) throws {
        let memory = try NodeArrangement(configuration, map: map, isFirstNode: true).memory
        let arena = memory.elementCount * MemoryLayout<Float>.size
        parameters = arena + (memory.hasNarrowParameters ? arena / 2 : 0)
        optimizerState = arena * memory.stateCount
        gradients = arena * memory.buffersOfLane.reduce(0, +)
        exchange = memory.exchange.byteCount(arena: arena)
        total = memory.byteCount
    }
}
