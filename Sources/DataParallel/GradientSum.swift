import Collectives
import Diagnostics

/// One lane's part in the sum of gradients, by itself: for benchmarks of the very path that training takes, from the
/// gradients of every lane to the sum that all lanes see.
public final class GradientSum {
    /// This lane's gradients; after ``run()`` its own slices hold the sum.
    public let gradients: UnsafeMutableBufferPointer<Float>
    private let shared: ReplicaShared
    private let reducer: GradientReducer
    private let barrier: NodeBarrier

    /// Prepares the first lane of this rank. Collective: every rank, with one lane and one logical shard each.
    /// - Throws: `LockstepError` where there are several nodes, and where lanes have more than one shard, whose buffers training would sum before.
    public init(_ shared: ReplicaShared) throws {
        let map = shared.map
        guard map.lanesPerReplica == 1, map.logicalShards == map.laneCount else {
            throw LockstepError(
                .internalError, "the sum by itself needs one lane a rank and one logical shard a lane")
        }
        guard map.nodeCount == 1 else {
            throw LockstepError(
                .usage, "the ranks are on \(map.nodeCount) hosts, and this sum is that of one",
                remedy: "run it on one host; between hosts, gradients travel while backward runs")
        }
        self.shared = shared
        let lane = map.ownLanes.lowerBound - map.nodeLanes.lowerBound
        barrier = try shared.barrier(lane: lane)
        reducer = GradientReducer(shared, lane: lane, progress: nil)
        gradients = UnsafeMutableBufferPointer(
            start: shared.memory.gradients(lane: lane, buffer: 0), count: shared.memory.elementCount)
    }

    /// Waits for all lanes of the node.
    public func meet() throws { try barrier.wait() }

    /// Sums the gradients of all lanes, as a step does between backward and update.
    public func run() throws {
        try barrier.wait()
        try reducer.reduce(step: 0)
        try barrier.wait()
    }

    /// An element of the sum, from the buffer of the lane that owns its slice.
    public func sum(at element: Int) -> Float {
        let laneCount = shared.map.nodeLanes.count
        for lane in 0..<laneCount {
            let owns = shared.plan.slices(lane: lane, of: laneCount).contains { $0.contains(element) }
            if owns { return shared.memory.gradients(lane: lane, buffer: 0)[element] }
        }
        return .nan
    }
}
