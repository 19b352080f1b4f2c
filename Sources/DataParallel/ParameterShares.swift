import CKernels
import Execution

/// One lane's part in making a node's parameters whole, where every node updates a share of them (ZeRO).
struct ParameterShares {
    private let memory: NodeMemory
    private let progress: ExchangeProgress
    private let lane: Int
    /// The bucket of parameters that is exchanged last, counted on behind those of gradients and the reports.
    private let last: Int
    /// What the lane rounds to bfloat16 of the other nodes' shares; its own were rounded by the update.
    private let foreign: [Range<Int>]

    /// Prepares a lane's part; `nil` where the node updates everything.
    /// - Parameters:
    ///   - lane: the lane's number within its node.
    ///   - progress: the lane's view of the exchange between nodes.
    init?(_ shared: ReplicaShared, lane: Int, progress: ExchangeProgress?) {
        guard shared.share.isPartial, let exchange = shared.exchange, let progress else { return nil }
        memory = shared.memory
        self.progress = progress
        self.lane = lane
        last = 2 * shared.plan.buckets.count
        let laneCount = memory.laneCount
        foreign = exchange.shares.enumerated()
            .filter { $0.offset != shared.map.nodeIndex }
            .flatMap { $0.element.slices(lane: lane, of: laneCount) }
    }

    /// Says that the lane has updated its slices, and waits for everybody's.
    func take(step: Int) throws {
        progress.publishReady(lane: lane, bucket: last, step: step)
        try progress.waitUntilExchanged(bucket: last, step: step)
        guard let narrow = memory.narrowParameters else { return }
        for slice in foreign {
            let start = slice.lowerBound
            lk_cast(memory.parameters + start, LK_FLOAT32, narrow + start, LK_BFLOAT16, slice.count)
        }
    }
}
