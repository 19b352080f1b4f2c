import Execution

/// In which order the nodes exchange their sums. Every order makes the additions of the canonical tree, so that all give
/// the same bits; they differ in messages and bytes. With n nodes, s subtrees a node and B bytes:
///
/// | scheme | a node sends | rounds |
/// |---|---|---|
/// | ``gather`` | s · (n − 1) · B | s · (n − 1) |
/// | ``halving`` | 2 · (n − 1)/n · B | 2 · log₂ n |
/// | ``scatter`` | (s + 1) · (n − 1)/n · B | (s + 1) · (n − 1) |
package enum ExchangeScheme: Equatable, Sendable {
    /// Everybody sends its subtrees to everybody, who finish the tree alike. Least rounds for two nodes.
    case gather
    /// Recursive halving with neighbours first, where neighbours' subtrees are siblings of the tree, then doubling in
    /// the opposite order.
    case halving
    /// Node i gets everybody's subtrees of the i-th part of a bucket, finishes the tree, and sends the part to all.
    case scatter

    /// The best scheme for the subtrees of all nodes.
    /// - Parameters:
    ///   - subtreesOfNode: each node's maximal subtrees, in the order of shards.
    ///   - scatters: whether a node is to complete the sum of a part alone, see ``NodeShare``.
    package init(subtreesOfNode: [[Range<Int>]], tree: CanonicalTree, scatters: Bool = false) {
        let nodeCount = subtreesOfNode.count
        guard subtreesOfNode.allSatisfy({ $0.count == 1 }) else {
            self = .scatter
            return
        }
        if nodeCount == 2, !scatters {
            self = .gather
        } else {
            self = Self.pairsUp(subtreesOfNode.map { $0[0] }, tree) ? .halving : .scatter
        }
    }

    /// Whether neighbours are siblings, and their sums again, up to one.
    private static func pairsUp(_ subtrees: [Range<Int>], _ tree: CanonicalTree) -> Bool {
        guard subtrees.count > 1 else { return true }
        guard subtrees.count % 2 == 0 else { return false }
        var sums: [Range<Int>] = []
        for index in stride(from: 0, to: subtrees.count, by: 2) {
            guard tree.areSiblings(subtrees[index], subtrees[index + 1]) else { return false }
            sums.append(subtrees[index].lowerBound..<subtrees[index + 1].upperBound)
        }
        return pairsUp(sums, tree)
    }
}

/// Which sums a node sends to others, and what memory the exchange takes: arithmetic on the map that every rank does.
struct ExchangeLayout {
    let scheme: ExchangeScheme
    /// Each node's maximal subtrees.
    let subtreesOfNode: [[Range<Int>]]
    /// The number of each node's first subtree among all.
    let firstSubtree: [Int]
    /// For each subtree of this node, the buffers (by their number on the node) to sum, in postfix order.
    let own: [(range: Range<Int>, program: [Int32])]
    /// Whether sums stay where they are completed, each node's part in its first own sum; see ``NodeShare``.
    let scatters: Bool
    private let nodeIndex: Int

    /// Lays out an exchange; `nil` on a single node.
    /// - Parameter leaves: the subtrees in the buffers of the node's lanes.
    init?(_ map: LaneMap, tree: CanonicalTree, leaves: [Range<Int>], scatters: Bool = false) {
        guard map.nodeCount > 1 else { return nil }
        nodeIndex = map.nodeIndex
        subtreesOfNode = (0..<map.nodeCount).map { tree.maximalSubtrees(of: map.shards(ofNode: $0)) }
        scheme = ExchangeScheme(subtreesOfNode: subtreesOfNode, tree: tree, scatters: scatters)
        self.scatters = scatters
        var next = 0
        firstSubtree = subtreesOfNode.map { subtrees in
            defer { next += subtrees.count }
            return next
        }
        own = tree.combine(leaves)
    }

    /// All subtrees, in the order of shards.
    var subtrees: [Range<Int>] { subtreesOfNode.flatMap { $0 } }

    /// Arenas for this node's sums: a subtree that lies in one buffer is sent from there. Where sums are scattered, the
    /// first of the buffers that are summed takes the sum, too.
    var outgoingCount: Int { scatters ? 0 : own.count { $0.program.count > 1 } }

    /// Arenas for what comes from others, or for the sum over all nodes.
    var incomingCount: Int {
        if scatters { return 0 }
        return scheme == .gather ? subtrees.count - own.count : 1
    }

    /// All memory that it takes.
    func size(_ plan: BucketPlan) -> ExchangeSize {
        ExchangeSize(outgoing: outgoingCount, incoming: incomingCount, scratchCount: scratchCount(plan))
    }

    /// Elements of a place for parts of a bucket that are being summed.
    private func scratchCount(_ plan: BucketPlan) -> Int {
        let largest = plan.buckets.map(\.count).max() ?? 0
        switch scheme {
        case .gather: return 0
        case .halving: return largest / 2 + ParameterLayout.chunk
        case .scatter: return subtrees.count * (largest / subtreesOfNode.count + ParameterLayout.chunk)
        }
    }
}
