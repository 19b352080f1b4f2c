import Collectives
import DataParallel
import Execution

/// How the nodes of a job exchange: how many there are, what each brings, and in which order they talk.
public struct ClusterShape: Sendable, Equatable {
    /// Nodes.
    public let nodes: Int
    /// Lanes of each, with one logical shard each.
    public let lanes: Int
    /// Sums that a node sends: the maximal subtrees of its shards.
    package let subtrees: Int
    /// The order.
    package let scheme: ExchangeScheme

    /// Arranges a job of equal nodes as training does.
    /// - Throws: `LockstepError` (78) for no node or no lane.
    public init(nodes: Int, lanes: Int) throws {
        let map = try LaneMap(
            .even(nodes: nodes, ranksPerNode: 1), lanesPerReplica: lanes, logicalShards: nodes * lanes)
        let tree = CanonicalTree(leafCount: map.logicalShards)
        let subtreesOfNode = (0..<nodes).map { tree.maximalSubtrees(of: map.shards(ofNode: $0)) }
        self.nodes = nodes
        self.lanes = lanes
        subtrees = subtreesOfNode.map(\.count).max() ?? 1
        scheme = ExchangeScheme(subtreesOfNode: subtreesOfNode, tree: tree)
    }
}

/// The exchange of one bucket as the node with most to do sees it: messages one after the other, and additions.
package struct BucketExchange: Equatable {
    /// Bytes of each message, in order; as many come in meanwhile.
    package var messages: [Int] = []
    /// Bytes of memory that the exchange's own thread reads and writes to add up.
    package var memoryByteCount = 0

    /// A bucket as it is. A part of it is whole chunks of the arena, as the exchange cuts it.
    package init(elementCount: Int, in cluster: ClusterShape) {
        let nodes = cluster.nodes
        guard nodes > 1 else { return }
        // The sums of the node's lanes, where no single buffer holds them.
        if cluster.lanes > cluster.subtrees { memoryByteCount = (cluster.lanes + 1) * elementCount * 4 }
        let chunks = elementCount / ParameterLayout.chunk
        switch cluster.scheme {
        case .gather: messages = [elementCount * 4]
        case .halving: halve(chunks, nodes: nodes)
        case .scatter:
            let part = Self.byteCount(chunks: (chunks + nodes - 1) / nodes)
            messages = Array(repeating: part, count: (cluster.subtrees + 1) * (nodes - 1))
            memoryByteCount += (cluster.subtrees * nodes + 1) * part
        }
    }

    /// A packed bucket, which goes to every other node, where it is unpacked and added.
    package init(elementCount: Int, packedByteCount: Int, in cluster: ClusterShape) {
        messages = Array(repeating: packedByteCount, count: max(0, cluster.nodes - 1))
        memoryByteCount = 3 * cluster.nodes * elementCount * 4
    }

    private init() {}

    /// Recursive halving, then doubling: the larger half is somebody's at every level.
    private mutating func halve(_ chunks: Int, nodes: Int) {
        var (left, distance) = (chunks, 1)
        var parts: [Int] = []
        while distance < nodes {
            left -= left / 2
            parts.append(Self.byteCount(chunks: left))
            distance *= 2
        }
        messages = parts + parts.reversed()
        memoryByteCount += 3 * parts.reduce(0, +)
    }

    private static func byteCount(chunks: Int) -> Int { chunks * ParameterLayout.chunk * 4 }

    /// What the shards report at the end of a step: blocks of all nodes, in ⌈log₂ n⌉ rounds that double them.
    package static func reports(in cluster: ClusterShape) -> BucketExchange {
        var exchange = BucketExchange()
        var distance = 1
        while distance < cluster.nodes {
            let blocks = min(distance, cluster.nodes - distance)
            exchange.messages.append(blocks * cluster.lanes * MemoryLayout<ShardReport>.stride)
            distance *= 2
        }
        return exchange
    }

    /// Bytes that a node sends.
    package var sentByteCount: Int { messages.reduce(0, +) }

    /// Seconds of the messages.
    package func seconds(_ link: NetworkLink) -> Double { messages.reduce(0) { $0 + link.seconds($1) } }
}
