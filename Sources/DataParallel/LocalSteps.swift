import CKernels
import Collectives
import Execution

/// Local SGD between nodes (Stich 2019; with state, as Wang et al. 2020 average it): every node takes a number of steps by
/// itself, then parameters and optimizer state become the mean over the nodes, weighted by their logical shards. All
/// nodes are then alike, so that a checkpoint holds everything. Inside a node gradients are summed at every step as ever.
///
/// The mean travels as gradients do: a lane writes its slices of an arena, times the node's weight, into its gradient
/// buffer, and the exchange sums the nodes in the canonical tree. Each arena is one pass of the exchange.
final class LocalSteps {
    private let memory: NodeMemory
    private let progress: ExchangeProgress
    private let reducer: GradientReducer
    private let barrier: NodeBarrier
    private let plan: BucketPlan
    private let slices: [Range<Int>]
    private let lane: Int
    private let bufferCount: Int
    private let weight: Float
    /// The logical shards of this node, whose step a verdict between two averages is about.
    let shards: Range<Int>
    private let arenaCount: Int
    /// Passes of the exchange so far.
    private(set) var passes = 0

    /// Prepares a lane's part.
    /// - Parameter lane: the lane's number within its node.
    init(_ shared: ReplicaShared, lane: Int, barrier: NodeBarrier, progress: ExchangeProgress) {
        memory = shared.memory
        plan = shared.plan
        self.barrier = barrier
        self.progress = progress
        self.lane = lane
        reducer = GradientReducer(shared, lane: lane, progress: progress)
        slices = shared.plan.slices(lane: lane, of: shared.map.nodeLanes.count)
        bufferCount = shared.stacks[lane].published.count
        shards = shared.map.shards(ofNode: shared.map.nodeIndex)
        weight = Float(shards.count) / Float(shared.map.logicalShards)
        arenaCount = shared.passesAnAverage
    }

    /// Makes all nodes alike. Collective: every lane of every node, after the same step.
    /// - Parameter updates: the updates that this node has applied.
    /// - Returns: the most that any node has applied: the steps that one skips count for none.
    func average(updates: Int) throws -> Int {
        if lane == 0 { memory.reports[shards.lowerBound].updates = Double(updates) }
        for arena in 0..<arenaCount {
            let values = arena == 0 ? memory.parameters : memory.state(arena - 1)
            fill(from: values)
            for bucket in 0...plan.buckets.count {
                progress.publishReady(lane: lane, bucket: bucket, step: passes)
            }
            try reducer.reduce(step: passes)
            for slice in slices {
                (values + slice.lowerBound).update(
                    from: reducer.result + slice.lowerBound, count: slice.count)
                if arena == 0, let narrow = memory.narrowParameters {
                    lk_cast(
                        values + slice.lowerBound, LK_FLOAT32, narrow + slice.lowerBound, LK_BFLOAT16,
                        slice.count)
                }
            }
            passes += 1
            // Others may still read this lane's buffer for their slices.
            try barrier.wait("average over the nodes", byteCount: memory.elementCount * 4)
        }
        let most = (0..<memory.shardCount).reduce(0) { max($0, memory.reports[$1].updates) }
        return Int(most)
    }

    /// The lane's slices times the node's weight, and zeros elsewhere: the node's lanes add up to the whole arena.
    private func fill(from values: UnsafeMutablePointer<Float>) {
        for buffer in 0..<bufferCount {
            memory.gradients(lane: lane, buffer: buffer).update(repeating: 0, count: memory.elementCount)
        }
        let result = memory.gradients(lane: lane, buffer: 0)
        for slice in slices {
            for element in slice { result[element] = values[element] * weight }
        }
    }

    /// The steps of a range after which nodes average: every so many, and the last, so that nodes are alike whenever
    /// training pauses.
    static func averages(after step: Int, every count: Int, end: Int) -> Bool {
        (step + 1) % count == 0 || step + 1 == end
    }

    /// How many times nodes average in these steps: after each multiple of `count`, and after the last.
    static func averageCount(_ steps: Range<Int>, every count: Int) -> Int {
        steps.upperBound / count - steps.lowerBound / count + (steps.upperBound % count == 0 ? 0 : 1)
    }
}
