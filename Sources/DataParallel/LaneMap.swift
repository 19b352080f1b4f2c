import Collectives
import Diagnostics

/// Who computes what: the replicas of a job, their lanes, and the logical shards of each lane. Pure arithmetic that
/// every rank does alike.
///
/// Lanes are numbered node by node, so that the lanes of a node own neighbouring shards. Lane g of G owns shards
/// [g·V/G, (g+1)·V/G).
public struct LaneMap: Sendable, Equatable {
    /// The number of logical shards, V.
    public let logicalShards: Int
    /// Lanes of each replica.
    public let lanesPerReplica: Int
    /// The ranks that train, node by node.
    public let replicasOfNode: [[Int]]
    /// This rank's node.
    public let nodeIndex: Int
    /// This rank.
    public let rank: Int

    /// Maps lanes to shards.
    /// - Parameter hasDedicatedCoordinator: whether rank 0 does not train.
    /// - Throws: `LockstepError` (78) when there are more lanes than shards, no replica, or a node without one.
    public init(
        _ topology: Topology, lanesPerReplica: Int, logicalShards: Int, hasDedicatedCoordinator: Bool = false
    ) throws {
        self.logicalShards = logicalShards
        self.lanesPerReplica = lanesPerReplica
        nodeIndex = topology.nodeIndex
        rank = topology.rank
        replicasOfNode = topology.ranksOfNode.map { $0.filter { !hasDedicatedCoordinator || $0 != 0 } }
        guard !replicasOfNode.contains(where: \.isEmpty) else {
            throw LockstepError(
                .mismatch,
                topology.worldSize == 1
                    ? "a dedicated coordinator and no rank that trains"
                    : "the dedicated coordinator (rank 0) is alone on its node",
                remedy: "start one rank more than there are replicas, and map rank 0 to a node with a replica"
            )
        }
        guard lanesPerReplica >= 1, logicalShards >= 1 else {
            throw LockstepError(
                .mismatch, "\(lanesPerReplica) lanes a rank and \(logicalShards) logical shards",
                remedy: "use at least one of each")
        }
        guard laneCount <= logicalShards else {
            throw LockstepError(
                .mismatch,
                "\(laneCount) lanes (\(replicaCount) ranks × \(lanesPerReplica)) for \(logicalShards) logical shards",
                remedy:
                    "use at most \(logicalShards) lanes, or start a new run with training.logicalShards of at least"
                    + " \(laneCount)")
        }
    }

    /// Ranks that train.
    public var replicaCount: Int { replicasOfNode.reduce(0) { $0 + $1.count } }
    /// Lanes of the whole job, G.
    public var laneCount: Int { replicaCount * lanesPerReplica }
    /// Nodes of the job.
    public var nodeCount: Int { replicasOfNode.count }
    /// Whether this rank trains.
    public var isReplica: Bool { replicasOfNode[nodeIndex].contains(rank) }

    /// The numbers of a node's lanes.
    public func lanes(ofNode node: Int) -> Range<Int> {
        let before = replicasOfNode[..<node].reduce(0) { $0 + $1.count } * lanesPerReplica
        return before..<(before + replicasOfNode[node].count * lanesPerReplica)
    }

    /// The numbers of this node's lanes.
    public var nodeLanes: Range<Int> { lanes(ofNode: nodeIndex) }

    /// The numbers of this rank's lanes; empty for a dedicated coordinator.
    public var ownLanes: Range<Int> {
        guard let place = replicasOfNode[nodeIndex].firstIndex(of: rank) else { return 0..<0 }
        let first = nodeLanes.lowerBound + place * lanesPerReplica
        return first..<(first + lanesPerReplica)
    }

    /// The logical shards of a lane.
    public func shards(ofLane lane: Int) -> Range<Int> {
        (lane * logicalShards / laneCount)..<((lane + 1) * logicalShards / laneCount)
    }

    /// The logical shards of a node.
    public func shards(ofNode node: Int) -> Range<Int> {
        let lanes = lanes(ofNode: node)
        return shards(ofLane: lanes.lowerBound).lowerBound..<shards(ofLane: lanes.upperBound - 1).upperBound
    }

    /// The rank that computes a logical shard, to name in errors.
    public func rank(ofShard shard: Int) -> Int {
        let lane = (0..<laneCount).first { shards(ofLane: $0).contains(shard) } ?? 0
        return replicasOfNode.flatMap { $0 }[lane / lanesPerReplica]
    }

    /// What to tell the user when some lanes have more shards than others; `nil` when all have as many.
    public var imbalanceWarning: String? {
        guard logicalShards % laneCount != 0 else { return nil }
        return
            "\(logicalShards) logical shards do not divide among \(laneCount) lanes: some lanes wait for others; "
            + "same bits, less speed"
    }

    /// V at a first launch that does not state it: the smallest power of two that is at least the number of lanes,
    /// but no more than there are samples in a step.
    public static func defaultLogicalShards(laneCount: Int, globalBatchSize: Int) -> Int {
        var shards = 1
        while shards < laneCount, shards * 2 <= min(globalBatchSize, 65_536) { shards *= 2 }
        return shards
    }
}
