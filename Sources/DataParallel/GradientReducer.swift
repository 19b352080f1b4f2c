import CKernels
import Collectives
import Execution

/// Sums the gradients of all logical shards in the canonical tree, each lane the slices that it owns, straight out of
/// the buffers of the node's lanes. Between nodes the sums of each node's own subtrees travel, and every node finishes
/// the tree by itself.
struct GradientReducer {
    private let memory: NodeMemory
    private let lane: Int
    private let slices: [Range<Int>]
    /// The result lies in this lane's first buffer, at its slices.
    let result: UnsafeMutablePointer<Float>
    private let inside: [TreeProgram]
    private let across: TreeProgram?
    private let exchange: NodeExchange?

    /// Prepares the sums of one lane.
    /// - Parameter lane: the lane's number within its node.
    init(
        memory: NodeMemory, map: LaneMap, tree: CanonicalTree, plan: BucketPlan, stacks: [ShardStack],
        lane: Int,
        exchange: NodeExchange?
    ) {
        self.memory = memory
        self.lane = lane
        self.exchange = exchange
        slices = plan.slices(lane: lane, of: map.nodeLanes.count)
        result = memory.gradients(lane: lane, buffer: 0)
        let leaves = stacks.enumerated().flatMap { index, stack in
            stack.published.enumerated().map { buffer, range in
                (range: range, pointer: UnsafePointer(memory.gradients(lane: index, buffer: buffer)))
            }
        }
        let sums = tree.combine(leaves.map(\.range))
        inside = sums.map { TreeProgram(program: $0.program, sources: leaves.map(\.pointer)) }
        across = exchange.map { exchange in
            let incoming = exchange.subtrees.indices.map { UnsafePointer(memory.incoming($0)) }
            return TreeProgram(program: tree.combine(exchange.subtrees)[0].program, sources: incoming)
        }
    }

    /// Sums this lane's slices; call when all lanes of the node have finished backward.
    /// - Parameter barrier: the barrier of the node's lanes.
    func reduce(barrier: NodeBarrier) throws {
        guard let across, let exchange else {
            for slice in slices { inside[0].sum(slice, to: result, squares: memory.squares) }
            return
        }
        for (index, program) in inside.enumerated() {
            for slice in slices { program.sum(slice, to: memory.outgoing(index), squares: nil) }
        }
        try barrier.wait("sums of the node")
        if lane == 0 { try exchange.run() }
        try barrier.wait("exchange between nodes")
        for slice in slices { across.sum(slice, to: result, squares: memory.squares) }
    }
}

/// A sum in postfix order over fixed sources.
private final class TreeProgram: @unchecked Sendable {
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
