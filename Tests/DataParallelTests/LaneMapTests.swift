import Collectives
import DataParallel
import Diagnostics
import Testing

@Suite struct LaneMapTests {
    /// Every lane's view of one job: all ranks of a world whose nodes are given by their leaders.
    private func maps(
        _ leaderOfRank: [Int], lanes: Int, shards: Int, dedicated: Bool = false
    ) throws -> [LaneMap] {
        try leaderOfRank.indices.map { rank in
            try LaneMap(
                Topology(rank: rank, leaderOfRank: leaderOfRank), lanesPerReplica: lanes,
                logicalShards: shards,
                hasDedicatedCoordinator: dedicated)
        }
    }

    @Test(arguments: [[0], [0, 0], [0, 0, 0, 0], [0, 0, 2, 2], [0, 1, 0, 1, 0], [0, 1, 2]], [1, 2, 3])
    func everyShardHasOneLaneAndEveryLaneOneRank(leaders: [Int], lanes: Int) throws {
        let total = leaders.count * lanes
        for shards in [total, total + 1, 2 * total, 64] {
            let maps = try maps(leaders, lanes: lanes, shards: shards)
            let first = maps[0]
            #expect(first.laneCount == total && first.replicaCount == leaders.count)
            let covered = (0..<first.laneCount).flatMap { Array(first.shards(ofLane: $0)) }
            #expect(covered == Array(0..<shards))
            #expect((0..<first.laneCount).allSatisfy { !first.shards(ofLane: $0).isEmpty })
            let sizes = (0..<first.laneCount).map { first.shards(ofLane: $0).count }
            #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
            #expect(maps.flatMap { Array($0.ownLanes) }.sorted() == Array(0..<total))
            #expect((0..<first.nodeCount).flatMap { Array(first.shards(ofNode: $0)) } == Array(0..<shards))
            for map in maps {
                #expect(map.isReplica && map.nodeLanes.contains(map.ownLanes.lowerBound))
                #expect(map.nodeLanes.contains(map.ownLanes.upperBound - 1))
                for lane in map.ownLanes {
                    #expect(map.shards(ofLane: lane).allSatisfy { first.rank(ofShard: $0) == map.rank })
                }
            }
            #expect((first.imbalanceWarning == nil) == (shards % total == 0))
        }
    }

    @Test func aDedicatedCoordinatorHasNoLane() throws {
        let maps = try maps([0, 0, 0, 3, 3], lanes: 2, shards: 8, dedicated: true)
        #expect(!maps[0].isReplica && maps[0].ownLanes.isEmpty && maps[0].replicaCount == 4)
        #expect(maps.dropFirst().flatMap { Array($0.ownLanes) } == Array(0..<8))
        #expect(maps[0].nodeLanes == 0..<4 && maps[4].nodeLanes == 4..<8)
        #expect((0..<8).map { maps[0].rank(ofShard: $0) } == [1, 1, 2, 2, 3, 3, 4, 4])
    }

    @Test func whatCannotBeIsRefused() throws {
        for (leaders, lanes, shards, dedicated, mention) in [
            ([0, 0], 2, 3, false, "4 lanes"), ([0], 5, 4, false, "5 lanes"), ([0], 1, 1, true, "coordinator"),
            ([0, 1], 1, 4, true, "alone"), ([0], 1, 0, false, "0 logical shards"),
        ] as [([Int], Int, Int, Bool, String)] {
            let error = #expect(throws: LockstepError.self) {
                try maps(leaders, lanes: lanes, shards: shards, dedicated: dedicated)
            }
            #expect(error?.code == .mismatch && error?.message.contains(mention) == true)
            #expect(error?.remedy?.isEmpty == false)
        }
    }

    @Test func shardsAreAPowerOfTwoUnlessStated() {
        func shards(_ lanes: Int, batch: Int = 64) -> Int {
            LaneMap.defaultLogicalShards(laneCount: lanes, globalBatchSize: batch)
        }
        #expect([1, 2, 3, 4, 5, 8, 9, 33].map { shards($0) } == [1, 2, 4, 4, 8, 8, 16, 64])
    }

    /// A machine with more cores than a step has samples must not make a recipe fail.
    @Test func shardsAreAtMostTheSamplesOfAStep() {
        func shards(_ lanes: Int, batch: Int) -> Int {
            LaneMap.defaultLogicalShards(laneCount: lanes, globalBatchSize: batch)
        }
        #expect(shards(500, batch: 32) == 32)
        #expect(shards(500, batch: 33) == 32)
        #expect(shards(8, batch: 1) == 1)
        #expect(shards(1 << 20, batch: 1 << 30) == 65_536)
    }
}
