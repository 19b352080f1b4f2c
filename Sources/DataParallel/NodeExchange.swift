import CKernels
import Collectives
import Execution

/// The exchange between nodes, bucket by bucket in fixed order: the node's sums go out, and what comes in lets every
/// node finish the canonical tree. One rank a node talks, on a thread of its own; see `ExchangeDriver`.
final class NodeExchange: @unchecked Sendable {
    /// What a lane adds up to finish the tree: sources over the whole arena, and a program in postfix order.
    let finish: (sources: [UnsafePointer<Float>], program: [Int32])
    /// The rank of each node that talks: its first replica.
    let leaders: [Int]
    private let communicator: any Communicator
    let memory: NodeMemory
    let map: LaneMap
    let plan: BucketPlan
    let tree: CanonicalTree
    let layout: ExchangeLayout
    /// This node's sums, each an arena: a lane's buffer, or one that `sums` fills.
    let own: [UnsafeMutablePointer<Float>]
    /// The sums that no single buffer holds already.
    private let sums: [(program: TreeProgram, result: UnsafeMutablePointer<Float>)]
    private let compressed: CompressedExchange?
    /// How many numbers a shard hands in at each meeting of a step; see `LaneMeeting`.
    let meetings: [Int]
    /// For the scheme ``ExchangeScheme/scatter``: the whole tree over a part of a bucket, in scratch memory.
    let wholeTree: [Int32]
    /// Where the sum over all nodes ends, unless lanes finish it: complete at the node's share.
    let total: UnsafeMutablePointer<Float>
    /// What each node updates, where that is not everything.
    let shares: [NodeShare]
    private let shareSquares: ShareSquares?
    /// Whether the memory of gradients is given back as soon as the node needs them no more.
    let releasesGradients: Bool

    /// Prepares the exchange.
    /// - Parameters:
    ///   - leaves: the subtrees in the buffers of the node's lanes, and the buffers.
    ///   - shares: of each node its part of the sums, where sums are scattered.
    init(
        _ layout: ExchangeLayout, communicator: any Communicator, memory: NodeMemory, map: LaneMap,
        tree: CanonicalTree, plan: BucketPlan, leaves: [UnsafeMutablePointer<Float>],
        compressed: CompressedExchange? = nil, meetings: [Int] = [], shares: [NodeShare] = [],
        releasesGradients: Bool = false
    ) {
        self.shares = shares
        shareSquares = shares.isEmpty ? nil : ShareSquares(shares)
        self.releasesGradients = releasesGradients
        self.meetings = meetings
        self.compressed = compressed
        self.layout = layout
        self.communicator = communicator
        self.memory = memory
        self.map = map
        self.plan = plan
        self.tree = tree
        leaders = map.replicasOfNode.map { $0[0] }
        var own: [UnsafeMutablePointer<Float>] = []
        var sums: [(TreeProgram, UnsafeMutablePointer<Float>)] = []
        for (_, program) in layout.own {
            if program.count == 1 {
                own.append(leaves[Int(program[0])])
                continue
            }
            let place = layout.scatters ? leaves[Int(program[0])] : memory.outgoing(sums.count)
            sums.append((TreeProgram(program: program, sources: leaves.map { UnsafePointer($0) }), place))
            own.append(place)
        }
        self.own = own
        self.sums = sums
        total = layout.scatters ? own[0] : memory.incoming(0)
        wholeTree = tree.combine(layout.subtrees)[0].program
        guard layout.scheme == .gather, compressed == nil else {
            finish = ([UnsafePointer(total)], [0])
            return
        }
        let first = layout.firstSubtree[map.nodeIndex]
        let sources = layout.subtrees.indices.map { index in
            if (first..<(first + own.count)).contains(index) { return own[index - first] }
            return memory.incoming(index < first ? index : index - own.count)
        }
        finish = (sources.map { UnsafePointer($0) }, wholeTree)
    }

    /// Exchanges a bucket that all lanes of the node have filled. Collective: the leaders, bucket by bucket.
    func exchange(bucket: Int, step: Int) throws {
        let range = plan.buckets[bucket]
        for (program, result) in sums { program.sum(range, to: result, squares: nil) }
        if let compressed {
            return try compressed.run(bucket: bucket, step: step, own: own) {
                try communicator.exchangeBetweenNodes($0, into: $1, leaders: leaders)
            }
        }
        switch layout.scheme {
        case .gather: try gather(range)
        case .halving: try halve(range)
        case .scatter: try scatter(range)
        }
        if layout.scatters {
            if releasesGradients { release(bucket) }
        } else {
            try distribute(range, in: total)
        }
    }

    /// Exchanges the parameters of a bucket, of which every node has updated its share. Collective: the leaders.
    func exchangeParameters(bucket: Int) throws {
        try distribute(plan.buckets[bucket], in: memory.parameters)
    }

    /// What every node has completed of a range goes to all.
    private func distribute(_ range: Range<Int>, in arena: UnsafeMutablePointer<Float>) throws {
        switch layout.scheme {
        case .gather: break
        case .halving: try double(range, in: arena)
        case .scatter: try spread(range, in: arena)
        }
    }

    /// Exchanges the squares of the chunks, of which every node knows those of its share. Collective: the leaders.
    func exchangeSquares() throws {
        guard let shareSquares else { return }
        shareSquares.pack(memory.squares, node: map.nodeIndex)
        try communicator.exchangeBetweenNodes(
            UnsafeRawBufferPointer(shareSquares.packed[map.nodeIndex]),
            into: shareSquares.packed.map { UnsafeMutableRawBufferPointer($0) }, leaders: leaders)
        for node in shares.indices where node != map.nodeIndex {
            shareSquares.unpack(node: node, into: memory.squares)
        }
    }

    /// Gives the memory of a bucket's gradients back, but for the share of the sum. They are written anew in the next step.
    private func release(_ bucket: Int) {
        let (range, part) = (plan.buckets[bucket], shares[map.nodeIndex].parts[bucket])
        for lane in 0..<memory.laneCount {
            for buffer in 0..<memory.bufferCount(lane: lane) {
                let arena = memory.gradients(lane: lane, buffer: buffer)
                let kept = arena == total ? part : range.upperBound..<range.upperBound
                for rest in [range.lowerBound..<kept.lowerBound, kept.upperBound..<range.upperBound] {
                    let byteCount = rest.count * MemoryLayout<Float>.size
                    _ = lks_release_pages(arena + rest.lowerBound, Int64(byteCount))
                }
            }
        }
    }

    /// Exchanges what the shards hand in at a meeting. Collective: the leaders.
    func exchange(meeting: Int, step: Int) throws {
        let base = memory.meeting(meeting, of: meetings.count, step: step)
        let byteCount = ShardValues.blockByteCount(valueCount: meetings[meeting])
        let blocks = (0..<map.nodeCount).map { node in
            let shards = map.shards(ofNode: node)
            return UnsafeMutableRawBufferPointer(
                start: base + shards.lowerBound * byteCount,
                count: shards.count * byteCount)
        }
        try communicator.exchangeBetweenNodes(
            UnsafeRawBufferPointer(blocks[map.nodeIndex]), into: blocks, leaders: leaders)
    }

    /// Exchanges what the shards report beside gradients. Collective: the leaders.
    func exchangeReports() throws {
        let reports = (0..<map.nodeCount).map { node in
            let shards = map.shards(ofNode: node)
            return UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: memory.reports + shards.lowerBound, count: shards.count))
        }
        try communicator.exchangeBetweenNodes(
            UnsafeRawBufferPointer(reports[map.nodeIndex]), into: reports, leaders: leaders)
    }

    /// Whether any rank asked to stop, once the reports of a step are here.
    var stopRequested: Bool { tree.sum { memory.reports[$0].stopRequests } > 0 }

    /// Everybody's sum goes to everybody; each node has one.
    private func gather(_ range: Range<Int>) throws {
        let receive = finish.sources.map {
            UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(
                    start: UnsafeMutablePointer(mutating: $0) + range.lowerBound, count: range.count))
        }
        try communicator.exchangeBetweenNodes(
            UnsafeRawBufferPointer(receive[map.nodeIndex]), into: receive, leaders: leaders)
    }

    /// Copies every node's residual to the first node, for a checkpoint. Collective: the leaders, between two steps.
    func gatherResiduals() throws {
        let (nodeCount, node, count) = (map.nodeCount, map.nodeIndex, memory.elementCount)
        if node == 0 { memory.gatheredResidual(0).update(from: memory.residual, count: count) }
        for shift in 1..<nodeCount {
            let (to, from) = ((node + nodeCount - shift) % nodeCount, (node + shift) % nodeCount)
            try swap(
                memory.residual, to == 0 ? count : 0, to: to,
                into: node == 0 ? memory.gatheredResidual(from) : memory.residual, node == 0 ? count : 0,
                from: from)
        }
    }

    /// Gives every node the residual that the first node holds for it. Collective: the leaders, before the first step.
    func scatterResiduals() throws {
        let (nodeCount, node, count) = (map.nodeCount, map.nodeIndex, memory.elementCount)
        if node == 0 { memory.residual.update(from: memory.gatheredResidual(0), count: count) }
        for shift in 1..<nodeCount {
            let (to, from) = ((node + shift) % nodeCount, (node + nodeCount - shift) % nodeCount)
            try swap(
                node == 0 ? memory.gatheredResidual(to) : memory.residual, node == 0 ? count : 0, to: to,
                into: memory.residual, from == 0 ? count : 0, from: from)
        }
    }

    /// Sends elements to one node and receives as many as fit `incoming` from another.
    func swap(
        _ outgoing: UnsafePointer<Float>, _ outgoingCount: Int, to: Int,
        into incoming: UnsafeMutablePointer<Float>, _ incomingCount: Int, from: Int
    ) throws {
        try communicator.exchange(
            UnsafeRawBufferPointer(UnsafeBufferPointer(start: outgoing, count: outgoingCount)), toNode: to,
            into: UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: incoming, count: incomingCount)), fromNode: from,
            leaders: leaders)
    }
}
