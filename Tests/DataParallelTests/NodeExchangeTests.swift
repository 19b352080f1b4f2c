import DataParallel
import Execution
import NeuralNetworks
import Testing

/// Several nodes give the bits of one lane alone, however they exchange.
@Suite struct NodeExchangeTests {
    private static func job(_ change: (inout TrainingJob) -> Void = { _ in }) -> TrainingJob {
        var job = TrainingJob.manyBuckets
        change(&job)
        return job
    }

    private static func expectSameBits(_ job: TrainingJob, nodes: Int) throws {
        var alone = job
        alone.lanes = 1
        let expected = try alone.run(steps: 11)
        let cluster = PretendedCluster(nodeCount: nodes)
        for result in try cluster.onEveryRank({ try job.run(steps: 11, on: $0) }) {
            #expect(result.state.bits == expected.state.bits)
            #expect(result.verdicts == expected.verdicts)
        }
    }

    /// Two nodes gather; four and eight halve and double; others, and unequal subtrees, scatter.
    @Test(arguments: [
        (2, 1, 8), (2, 3, 8), (2, 2, 6), (3, 1, 8), (3, 2, 7), (4, 1, 4), (4, 2, 8), (5, 1, 8), (8, 1, 8),
        (8, 1, 13),
    ])
    func nodesDoNotChangeBits(nodes: Int, lanes: Int, shards: Int) throws {
        for overlaps in [true, false] {
            let job = Self.job {
                ($0.lanes, $0.logicalShards, $0.overlapsExchange) = (lanes, shards, overlaps)
            }
            try Self.expectSameBits(job, nodes: nodes)
        }
    }

    @Test(arguments: [1, 4096, 9000, 1 << 20], [1, 6000, 1 << 20])
    func bucketSizesDoNotChangeBits(bucket: Int, edge: Int) throws {
        for nodes in [2, 3, 4] {
            let job = Self.job { ($0.bucketByteCount, $0.edgeBucketByteCount) = (bucket, edge) }
            try Self.expectSameBits(job, nodes: nodes)
        }
    }

    /// A frozen parameter has no gradient; its zeros are there before backward and delay nobody.
    @Test func frozenParameters() throws {
        let job = Self.job { $0.update.rules = [ParameterRule("*layers.0*", isFrozen: true)] }
        try Self.expectSameBits(job, nodes: 2)
    }

    @Test(arguments: [
        ([[0..<4], [4..<8]], ExchangeScheme.gather), ([[0..<2], [2..<4], [4..<6], [6..<8]], .halving),
        ([[0..<2], [2..<4], [4..<8]], .scatter), ([[0..<2, 2..<3], [3..<4, 4..<6]], .scatter),
        ([[0..<1], [1..<2], [2..<3], [3..<4], [4..<5], [5..<6], [6..<7], [7..<8]], .halving),
    ])
    func schemeFitsTheSubtrees(subtrees: [[Range<Int>]], scheme: ExchangeScheme) {
        let tree = CanonicalTree(leafCount: subtrees.last?.last?.upperBound ?? 0)
        #expect(ExchangeScheme(subtreesOfNode: subtrees, tree: tree) == scheme)
    }

    /// Each node sends 2 · (n − 1)/n of the arena a step, not n − 1 times all of it.
    @Test(arguments: [(2, 8), (3, 9), (4, 8), (8, 8)])
    func bytesAreFew(nodes: Int, shards: Int) throws {
        let job = Self.job {
            $0.logicalShards = shards
            ($0.bucketByteCount, $0.edgeBucketByteCount) = (1 << 20, 1 << 20)
        }
        let cluster = PretendedCluster(nodeCount: nodes)
        let arena = try job.start().shared.layout.elementCount * 4
        _ = try cluster.onEveryRank { try job.run(steps: 10, on: $0) }
        // Whole chunks do not divide evenly, reports and the start take some bytes too.
        let slack = 10 * 2 * 4096 * nodes
        let subtrees = nodes == 3 ? 2 : 1
        let wanted = (subtrees + 1) * 10 * arena * (nodes - 1) / nodes
        #expect(
            cluster.sent.allSatisfy { $0 > wanted / 2 && $0 < wanted + slack }, "\(cluster.sent) \(wanted)")
    }

    @Test func askedToStopAllNodesStopAfterTheSameStep() throws {
        let flag = StopFlag()
        let job = Self.job {
            $0.stopRequested = { flag.isSet }
            $0.onShard = { step, shard in if step == 5 && shard == 3 { flag.set() } }
        }
        let counts = try PretendedCluster(nodeCount: 3).onEveryRank {
            try job.run(steps: 100, on: $0).verdicts.count
        }
        #expect(Set(counts).count == 1 && (6...7).contains(counts[0]), "\(counts)")
    }
}
