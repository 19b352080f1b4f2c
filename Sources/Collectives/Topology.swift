/// Where a rank stands: in the world, and in its node (the ranks that share memory with it).
public struct Topology: Sendable, Equatable {
    /// This rank's number in the world, from 0.
    public let rank: Int
    /// How many ranks there are.
    public let worldSize: Int
    /// This rank's node; nodes are numbered by their lowest rank.
    public let nodeIndex: Int
    /// How many nodes there are.
    public let nodeCount: Int
    /// This rank's number inside its node, from 0, in the order of world ranks.
    public let localRank: Int
    /// How many ranks this node has.
    public let localSize: Int
    /// The world ranks of every node, ascending.
    public let ranksOfNode: [[Int]]

    /// The topology of one rank alone.
    public static let solo = Topology(rank: 0, leaderOfRank: [0])

    /// A job of nodes with as many ranks each, as its rank 0 sees it: for plans.
    public static func even(nodes: Int = 1, ranksPerNode: Int) -> Topology {
        let each = max(1, ranksPerNode)
        return Topology(rank: 0, leaderOfRank: (0..<(max(1, nodes) * each)).map { $0 / each * each })
    }

    /// The topology in which rank i belongs to the node whose lowest rank is `leaderOfRank[i]`.
    package init(rank: Int, leaderOfRank: [Int]) {
        let members = Dictionary(grouping: leaderOfRank.indices, by: { leaderOfRank[$0] })
        let ranksOfNode = members.keys.sorted().map { members[$0, default: []].sorted() }
        let nodeIndex = ranksOfNode.firstIndex { $0.contains(rank) } ?? 0
        self.rank = rank
        self.worldSize = leaderOfRank.count
        self.nodeIndex = nodeIndex
        self.nodeCount = ranksOfNode.count
        self.localRank = ranksOfNode[nodeIndex].firstIndex(of: rank) ?? 0
        self.localSize = ranksOfNode[nodeIndex].count
        self.ranksOfNode = ranksOfNode
    }

    /// The lowest rank of every node: those that exchange between nodes.
    public var leaders: [Int] { ranksOfNode.map { $0[0] } }
}
