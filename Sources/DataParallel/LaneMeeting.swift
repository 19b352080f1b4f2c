import Collectives
import Diagnostics
import Execution
import Graphs

/// Where a lane's program meets those of all other lanes in the middle of a step, for statistics over all logical shards
/// (synchronized batch norm). Each lane has one shard, so that all of them stand at the same place at once. The shards'
/// numbers lie in the node's shared memory; between nodes the exchange carries them.
final class LaneMeeting: ShardMeeting {
    private let memory: NodeMemory
    private let tree: CanonicalTree
    private let barrier: NodeBarrier
    private let exchange: ExchangeProgress?
    private let lane: Int
    private let shard: Int
    private let meetings: [Int]
    private var step = 0
    private var next = 0

    /// Prepares a lane's meetings.
    /// - Parameters:
    ///   - lane: the lane's number within its node.
    ///   - shard: its logical shard.
    ///   - exchange: the lane's view of the exchange between nodes; `nil` on a single node.
    init(
        _ shared: ReplicaShared, lane: Int, shard: Int, barrier: NodeBarrier, exchange: ExchangeProgress?
    ) {
        memory = shared.memory
        tree = shared.tree
        meetings = shared.meetings
        self.barrier = barrier
        self.exchange = exchange
        self.lane = lane
        self.shard = shard
    }

    /// Begins a step.
    func begin(step: Int) {
        self.step = step
        next = 0
    }

    /// Takes part in all meetings of a step without a sample.
    func attendWithoutSamples() throws {
        for _ in meetings { _ = try meet(weight: 0, UnsafeBufferPointer(start: nil, count: 0)) }
    }

    func meet(weight: Double, _ values: UnsafeBufferPointer<Float>) throws -> ShardValues {
        let number = next
        next += 1
        let blocks = ShardValues(
            at: memory.meeting(number, of: meetings.count, step: step), valueCount: meetings[number],
            tree: tree)
        blocks.write(shard: shard, weight: weight, values)
        if let exchange {
            exchange.publishReady(lane: lane, meeting: number, step: step)
            try exchange.waitUntilExchanged(meeting: number, step: step)
        } else {
            try barrier.wait("statistics of all logical shards", byteCount: values.count * 4)
        }
        return blocks
    }

    /// The numbers that a shard hands in at each meeting of a step.
    /// - Throws: `LockstepError` (78) where lanes have more than one shard: the shards of a lane run one after the other
    ///   and cannot meet.
    static func counts(_ trace: ModelTrace, layout: ParameterLayout, map: LaneMap) throws -> [Int] {
        guard trace.graph.synchronizesBatchNorm else { return [] }
        let meetings = try Plan(trace, layout: layout, keepsPredictions: false).meetings
        guard !meetings.isEmpty, map.logicalShards != map.laneCount else { return meetings }
        throw LockstepError(
            .mismatch,
            "synchronized batch norm needs one logical shard a lane, got \(map.logicalShards) for "
                + "\(map.laneCount) lanes (\(map.replicaCount) ranks × \(map.lanesPerReplica))",
            remedy:
                "start \(map.logicalShards) lanes, or a new run with training.logicalShards: \(map.laneCount), or leave "
                + "training.synchronizedBatchNorm out")
    }

    /// Bytes for the numbers of all shards at the largest meeting.
    static func byteCount(_ meetings: [Int], shardCount: Int) -> Int {
        shardCount * (meetings.max().map(ShardValues.blockByteCount) ?? 0)
    }

    /// Refuses a program that would meet otherwise than the others.
    func check(_ plan: Plan) throws {
        guard plan.meetings == meetings else {
            throw LockstepError(
                .internalError,
                "a program of \(plan.meetings.count) meetings among programs of \(meetings.count)")
        }
    }
}
