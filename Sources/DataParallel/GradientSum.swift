import Collectives
import Diagnostics

/// One lane's part in the sum of gradients, by itself: for benchmarks of the very path that training takes, from the
/// gradients of every lane to the sum that all lanes see.
public final class GradientSum {
    /// This lane's gradients; after ``run()`` its own slices hold the sum.
    public let gradients: UnsafeMutableBufferPointer<Float>
    private let shared: ReplicaShared
    private let lane: Int
    private let reducer: GradientReducer
    private let barrier: NodeBarrier
    private let exchange: ExchangeProgress?
    private let driver: ExchangeDriver?
    private var count = 0

    /// Prepares the first lane of this rank. Collective: every rank, with one lane and one logical shard each.
    /// - Parameter runs: how often ``run()`` will be called.
    /// - Throws: `LockstepError` where lanes have more than one shard, whose buffers training would sum before.
    public init(_ shared: ReplicaShared, runs: Int) throws {
        let map = shared.map
        guard map.lanesPerReplica == 1, map.logicalShards == map.laneCount else {
            throw LockstepError(
                .internalError, "the sum by itself needs one lane a rank and one logical shard a lane")
        }
        self.shared = shared
        lane = map.ownLanes.lowerBound - map.nodeLanes.lowerBound
        barrier = try shared.barrier(lane: lane)
        exchange = shared.exchangeProgress()
        reducer = GradientReducer(shared, lane: lane, progress: exchange)
        if lane == 0, let nodes = shared.exchange, let exchange {
            driver = ExchangeDriver(nodes, progress: exchange, steps: 0..<runs) {
                shared.abort(LockstepError.wrapping($0).code)
            }
        } else {
            driver = nil
        }
        gradients = UnsafeMutableBufferPointer(
            start: shared.memory.gradients(lane: lane, buffer: 0), count: shared.memory.elementCount)
    }

    /// Waits for all lanes of the node.
    public func meet() throws { try barrier.wait() }

    /// Sums the gradients of all lanes, as a step does between backward and update.
    public func run() throws {
        if let exchange {
            // The reports of the shards come behind the last bucket.
            for bucket in 0...shared.plan.buckets.count {
                exchange.publishReady(lane: lane, bucket: bucket, step: count)
            }
        } else {
            try barrier.wait("gradients of all lanes")
        }
        do {
            try reducer.reduce(step: count)
            try barrier.wait("sum of gradients")
        } catch {
            throw driver?.failure ?? error
        }
        count += 1
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
