import CKernels
import Collectives
import Execution

/// Sums the gradients of all logical shards in the canonical tree, each lane the slices that it owns, straight out of
/// the buffers of the node's lanes. With several nodes it waits for what `NodeExchange` brings, and finishes the tree.
struct GradientReducer {
    private let memory: NodeMemory
    private let share: NodeShare
    private let lane: Int
    private let laneCount: Int
    private let slices: [Range<Int>]
    private let program: TreeProgram
    private let progress: ExchangeProgress?
    /// The result: an arena that is complete at this lane's slices of the node's share.
    let result: UnsafeMutablePointer<Float>

    /// Prepares the sums of one lane.
    /// - Parameters:
    ///   - lane: the lane's number within its node.
    ///   - progress: the lane's view of the exchange between nodes; `nil` on a single node, or where a node sums by itself.
    init(_ shared: ReplicaShared, lane: Int, progress: ExchangeProgress?) {
        memory = shared.memory
        share = shared.share
        self.lane = lane
        self.progress = progress
        laneCount = shared.map.nodeLanes.count
        slices = share.slices(lane: lane, of: laneCount)
        let own = memory.gradients(lane: lane, buffer: 0)
        result = share.isPartial ? shared.exchange?.total ?? own : own
        if let exchange = shared.exchange, progress != nil {
            program = TreeProgram(program: exchange.finish.program, sources: exchange.finish.sources)
        } else {
            let leaves = shared.leaves
            // A node that sums by itself may hold several subtrees; then they are added from the left.
            let sums = shared.tree.combine(leaves.map(\.range)).map(\.program)
            let program = sums.dropFirst().reduce(sums[0]) { $0 + $1 + [-1] }
            self.program = TreeProgram(program: program, sources: leaves.map { UnsafePointer($0.pointer) })
        }
    }

    /// Sums this lane's slices, on a single node when all lanes have finished backward.
    func reduce(step: Int) throws {
        guard let progress else {
            for slice in slices { program.sum(slice, to: result, squares: memory.squares) }
            return
        }
        let bucketCount = share.parts.count
        for bucket in 0..<bucketCount {
            try progress.waitUntilExchanged(bucket: bucket, step: step)
            let slice = share.slice(bucket: bucket, lane: lane, of: laneCount)
            program.sum(slice, to: result, squares: memory.squares)
        }
        // The other nodes need the squares of this one's share, which travel with the reports.
        if share.isPartial { progress.publishReady(lane: lane, bucket: bucketCount, step: step) }
        try progress.waitUntilExchanged(bucket: bucketCount, step: step)
    }
}

/// A sum in postfix order over fixed sources.
final class TreeProgram: @unchecked Sendable {
    private let program: [Int32]
    private let sources: [UnsafePointer<Float>]
    private let shifted: UnsafeMutablePointer<UnsafePointer<Float>?>

    init(program: [Int32], sources: [UnsafePointer<Float>]) {
        self.program = program
        self.sources = sources
        shifted = .allocate(capacity: sources.count)
    }

    deinit { shifted.deallocate() }

    /// Sums a slice of the sources into the same place of `result`.
    func sum(
        _ slice: Range<Int>, to result: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Double>?
    ) {
        for index in sources.indices { shifted[index] = sources[index] + slice.lowerBound }
        lk_tree_sum(
            shifted, program, program.count, result + slice.lowerBound, slice.count,
            squares.map { $0 + slice.lowerBound / ParameterLayout.chunk })
    }
}
