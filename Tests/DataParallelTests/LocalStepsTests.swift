import DataParallel
import Diagnostics
import Foundation
import Graphs
import NeuralNetworks
import Testing

/// Local SGD between nodes: steps of one's own, then the mean.
@Suite struct LocalStepsTests {
    private static func job(steps: Int, _ change: (inout TrainingJob) -> Void = { _ in }) throws
        -> TrainingJob
    {
        var job = try TrainingJob.breastCancer(hidden: [40])
        job.update = UpdateOptions(Adam(rate: 0.01))
        job.localSteps = steps
        (job.lanes, job.logicalShards) = (2, 6)
        (job.bucketByteCount, job.edgeBucketByteCount) = (4096, 2048)
        change(&job)
        return job
    }

    /// Two nodes of one shard each, against two jobs by themselves on either half of the samples: parameters and
    /// momentum are the mean of both, after three steps and after three more.
    @Test func equalsTheMeanOfJobsByThemselves() throws {
        let job = try Self.job(steps: 3) {
            ($0.lanes, $0.logicalShards) = (1, 2)
            $0.update = UpdateOptions(SGD(rate: 0.1, momentum: 0.9))
        }
        let result = try PretendedCluster(nodeCount: 2).onEveryRank { try job.run(steps: 6, on: $0) }
        var state: TrainedState?
        for round in 0..<2 {
            let halves = try (0..<2).map { node in
                var half = job
                half.logicalShards = 1
                half.batchSize = { _ in 16 }
                half.sample = { step, position in job.sample(step, position + 16 * node) }
                let (shared, replica) = try half.start(
                    from: state.map { state in { _ in state } }, step: 3 * round)
                defer { replica.stop() }
                try replica.run(until: 3 * round + 3)
                return shared.snapshot().exported()
            }
            var mean = halves[0]
            for name in mean.parameters.keys {
                mean.parameters[name]?.values = zip(
                    halves[0].parameters[name]!.values, halves[1].parameters[name]!.values
                ).map { $0 / 2 + $1 / 2 }
            }
            for name in mean.optimizer.keys {
                mean.optimizer[name]?.values = zip(
                    halves[0].optimizer[name]!.values, halves[1].optimizer[name]!.values
                ).map { $0 / 2 + $1 / 2 }
            }
            state = mean
        }
        let expected = try #require(state)
        #expect(result[0].state.bits == expected.bits && result[1].state.bits == expected.bits)
    }

    /// On real rows the loss falls nearly as far as with an exchange at every step, for a fraction of the bytes; all nodes
    /// end alike, and a second run has the same bits.
    @Test(arguments: [2, 3, 4]) func converges(nodes: Int) throws {
        func train(_ count: Int) throws -> (bits: [[UInt32]], loss: Double, sent: Int) {
            let (job, cluster) = (
                try Self.job(steps: count) {
                    $0.lanes = nodes == 4 ? 1 : 2; $0.logicalShards = 8
                }, PretendedCluster(nodeCount: nodes)
            )
            let results = try cluster.onEveryRank { try job.run(steps: 72, on: $0) }
            let losses = results[0].verdicts.suffix(18).map(\.loss)
            return (
                results.map(\.state.bits), losses.reduce(0, +) / Double(losses.count), cluster.sent[0]
            )
        }
        let (exact, local, again) = (try train(1), try train(12), try train(12))
        #expect(exact.loss < 0.1 && local.loss < exact.loss + 0.05, "\(local.loss), \(exact.loss)")
        #expect(Set(local.bits).count == 1 && local.bits == again.bits)
        #expect(local.bits[0] != exact.bits[0], "local steps have an effect")
        // Three arenas every twelve steps instead of one at every step.
        #expect(Double(local.sent) < 0.4 * Double(exact.sent), "\(local.sent) of \(exact.sent)")
    }

    /// Wherever training pauses the nodes are alike: going on from there gives the bits of the run that never stopped.
    @Test(arguments: [2, 3]) func goingOnGivesTheSameBits(nodes: Int) throws {
        let job = try Self.job(steps: 4)
        func train(_ steps: Range<Int>, from state: TrainedState?) throws -> [TrainedState] {
            try PretendedCluster(nodeCount: nodes).onEveryRank { communicator in
                let (shared, replica) = try job.start(
                    isResumed: state != nil, from: communicator.rank == 0 ? state : nil,
                    step: steps.lowerBound, on: communicator)
                defer { replica.stop() }
                try replica.run(until: steps.upperBound)
                try replica.verifyParameters()
                return shared.snapshot().exported()
            }
        }
        let whole = try train(0..<14, from: nil)
        let half = try train(0..<8, from: nil)
        let rest = try train(8..<14, from: half[0])
        #expect(Set((whole + rest).map(\.bits)).count == 1)
    }

    /// A node alone averages with nobody.
    @Test func oneNodeDoesNotNoticeIt() throws {
        #expect(
            try Self.job(steps: 5).run(steps: 8).state.bits == Self.job(steps: 1).run(steps: 8).state.bits)
    }

    /// A step that one node skips for its numbers is no update of any: Adam's time stays the same everywhere.
    @Test func aSkippedStepOfOneNode() throws {
        let job = try Self.job(steps: 4) { job in
            let sample = job.sample
            job.sample = { step, position in
                var (input, label) = sample(step, position)
                if step == 1 && position == 0 { input[0] = Float.nan.bitPattern }
                return (input, label)
            }
        }
        let results = try PretendedCluster(nodeCount: 2).onEveryRank { communicator in
            let (shared, replica) = try job.start(isResumed: false, from: nil, step: 0, on: communicator)
            defer { replica.stop() }
            try replica.run(until: 8)
            return (shared.snapshot().exported(), replica.updates)
        }
        #expect(results[0].0.bits == results[1].0.bits)
        #expect(results.map(\.1) == [8, 8])
        #expect(results[0].0.parameters.values.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    }

    /// All stop together, after the average that follows.
    @Test func askedToStopAllNodesStopAfterAnAverage() throws {
        let flag = StopFlag()
        let job = try Self.job(steps: 5) {
            $0.stopRequested = { flag.isSet }
            $0.onShard = { step, shard in if step == 6 && shard == 5 { flag.set() } }
        }
        let counts = try PretendedCluster(nodeCount: 2).onEveryRank {
            try job.run(steps: 100, on: $0).verdicts.count
        }
        #expect(Set(counts).count == 1 && counts[0] % 5 == 0 && counts[0] <= 20, "\(counts)")
    }

    @Test func compressionIsRefused() throws {
        let job = try Self.job(steps: 4) { $0.compression = TopKCompression(fraction: 0.1) }
        let error = #expect(throws: LockstepError.self) { _ = try job.start() }
        #expect(error?.code == .usage && error?.message.contains("local steps") == true)
    }
}
