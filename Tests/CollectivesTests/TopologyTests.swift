import Collectives
import Testing

struct TopologyTests {
    @Test func nodesAreNumberedByTheirLowestRank() {
        // Ranks dealt round robin over two hosts, then one rank on a third.
        let topology = Topology(rank: 3, leaderOfRank: [0, 1, 0, 1, 4])
        #expect(topology.ranksOfNode == [[0, 2], [1, 3], [4]])
        #expect(topology.nodeIndex == 1)
        #expect(topology.localRank == 1)
        #expect(topology.localSize == 2)
        #expect(topology.worldSize == 5)
        #expect(topology.nodeCount == 3)
        #expect(topology.leaders == [0, 1, 4])
    }

    @Test func soloIsOneRank() {
        #expect(Topology.solo == Topology(rank: 0, leaderOfRank: [0]))
        #expect(Topology.solo.ranksOfNode == [[0]])
    }
}
