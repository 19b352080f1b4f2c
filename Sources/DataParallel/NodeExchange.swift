import Collectives

/// The exchange between nodes: each node's leader sends the sums of its subtrees and the reports of its shards, and
/// receives those of all others. Only the first lane of a node's first replica talks; blocking, in fixed order.
final class NodeExchange: @unchecked Sendable {
    /// The subtrees of all nodes, in the order of the shards: neighbouring nodes of the canonical tree.
    let subtrees: [Range<Int>]
    private let communicator: any Communicator
    private let memory: NodeMemory
    private let map: LaneMap
    private let plan: BucketPlan
    private let ownSubtrees: Range<Int>
    private let subtreesOfNode: [Range<Int>]
    /// The rank of each node that talks: its first replica.
    private let leaders: [Int]

    /// Prepares the exchange; `nil` on a single node.
    init?(
        communicator: any Communicator, memory: NodeMemory, map: LaneMap, tree: CanonicalTree,
        plan: BucketPlan
    ) {
        guard map.nodeCount > 1 else { return nil }
        self.communicator = communicator
        self.memory = memory
        self.map = map
        self.plan = plan
        let perNode = (0..<map.nodeCount).map { tree.maximalSubtrees(of: map.shards(ofNode: $0)) }
        subtrees = perNode.flatMap { $0 }
        var next = 0
        subtreesOfNode = perNode.map { list in
            defer { next += list.count }
            return next..<(next + list.count)
        }
        ownSubtrees = subtreesOfNode[map.nodeIndex]
        leaders = map.replicasOfNode.map { $0[0] }
    }

    /// Subtrees that a node of a map sends, and subtrees of all nodes.
    static func subtreeCounts(_ map: LaneMap, tree: CanonicalTree) -> (outgoing: Int, incoming: Int) {
        guard map.nodeCount > 1 else { return (0, 0) }
        let counts = (0..<map.nodeCount).map { tree.maximalSubtrees(of: map.shards(ofNode: $0)).count }
        return (counts[map.nodeIndex], counts.reduce(0, +))
    }

    /// Exchanges reports and all buckets. Collective: the first lane of every node.
    func run() throws {
        let reports = (0..<map.nodeCount).map { node in
            let shards = map.shards(ofNode: node)
            return UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: memory.reports + shards.lowerBound, count: shards.count))
        }
        try communicator.exchangeBetweenNodes(
            UnsafeRawBufferPointer(reports[map.nodeIndex]), into: reports, leaders: leaders)
        for bucket in plan.buckets {
            for round in 0..<(subtreesOfNode.map(\.count).max() ?? 0) { try exchange(bucket, round) }
        }
    }

    /// The round-th subtree of every node, for one bucket; a node that has fewer sends nothing.
    private func exchange(_ bucket: Range<Int>, _ round: Int) throws {
        let receive = subtreesOfNode.map { subtrees in
            guard round < subtrees.count else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
            let start = memory.incoming(subtrees.lowerBound + round) + bucket.lowerBound
            return UnsafeMutableRawBufferPointer(
                UnsafeMutableBufferPointer(start: start, count: bucket.count))
        }
        let send =
            round < ownSubtrees.count
            ? UnsafeRawBufferPointer(
                UnsafeBufferPointer(start: memory.outgoing(round) + bucket.lowerBound, count: bucket.count))
            : UnsafeRawBufferPointer(start: nil, count: 0)
        try communicator.exchangeBetweenNodes(send, into: receive, leaders: leaders)
    }
}
