import Collectives
import DataParallel
import Diagnostics
import Execution
import NeuralNetworks
import Testing

/// Nodes that share out optimizer state and gradients (ZeRO) give the bits of nodes that hold everything.
@Suite struct ZeroStageTests {
    private static func job(stage: Int, _ change: (inout TrainingJob) -> Void = { _ in }) -> TrainingJob {
        var job = TrainingJob.manyBuckets
        job.zeroStage = stage
        change(&job)
        return job
    }

    /// What the first node saves and every node's parameters and verdicts.
    private struct Outcome: Sendable {
        var saved: TrainedState
        var parameters: [[UInt32]]
        var verdicts: [[StepVerdict]]
    }

    private static func train(
        _ job: TrainingJob, nodes: Int, _ steps: Range<Int> = 0..<11, from state: TrainedState? = nil,
        cluster: PretendedCluster? = nil
    ) throws -> Outcome {
        let cluster = cluster ?? PretendedCluster(nodeCount: nodes)
        let results = try cluster.onEveryRank { communicator in
            let (shared, replica) = try job.start(
                isResumed: state != nil, from: communicator.rank == 0 ? state : nil, step: steps.lowerBound,
                on: communicator)
            defer { replica.stop() }
            var verdicts: [StepVerdict] = []
            try replica.run(until: steps.upperBound) { verdicts.append($0) }
            try replica.verifyParameters()
            let gathered = try replica.announce(.checkpoint)
            return (shared.snapshot(gathered).exported(), verdicts)
        }
        return Outcome(
            saved: results[0].0, parameters: results.map { TrainedState(parameters: $0.0.parameters).bits },
            verdicts: results.map(\.1))
    }

    /// Two nodes halve, four and eight too; others, and unequal subtrees, scatter.
    @Test(
        arguments: [
            (2, 1, 8), (2, 3, 8), (2, 2, 6), (3, 1, 8), (3, 2, 7), (4, 1, 4), (4, 2, 8), (5, 1, 8), (8, 1, 8),
            (8, 1, 13),
        ], [1, 2])
    func sharesDoNotChangeBits(_ topology: (nodes: Int, lanes: Int, shards: Int), stage: Int) throws {
        let (nodes, lanes, shards) = topology
        var alone = Self.job(stage: 0) { $0.logicalShards = shards }
        alone.lanes = 1
        let expected = try alone.run(steps: 11)
        for overlaps in [true, false] {
            let job = Self.job(stage: stage) {
                ($0.lanes, $0.logicalShards, $0.overlapsExchange) = (lanes, shards, overlaps)
            }
            let outcome = try Self.train(job, nodes: nodes)
            #expect(outcome.saved.bits == expected.state.bits)
            #expect(outcome.verdicts.allSatisfy { $0 == expected.verdicts })
            let parameters = TrainedState(parameters: expected.state.parameters).bits
            #expect(outcome.parameters.allSatisfy { $0 == parameters })
        }
    }

    /// Some nodes have no share of a bucket of one chunk.
    @Test(arguments: [1, 4096, 9000, 1 << 20], [2, 3, 4])
    func bucketSizesDoNotChangeBits(bucket: Int, nodes: Int) throws {
        let expected = try Self.job(stage: 0).run(steps: 6)
        let job = Self.job(stage: 2) { ($0.bucketByteCount, $0.edgeBucketByteCount) = (bucket, bucket) }
        #expect(try Self.train(job, nodes: nodes, 0..<6).saved.bits == expected.state.bits)
    }

    /// Every optimizer's state lies in the shares; frozen parameters, decay of some, statistics of batch norms.
    @Test(arguments: [2, 3]) func otherUpdates(nodes: Int) throws {
        let optimizers: [any Optimizer] = [
            SGD(rate: 0.1), SGD(rate: 0.1, momentum: 0.9, nesterov: true),
            RMSProp(rate: 0.01, momentum: 0.5), Adam(rate: 0.01, weightDecay: 0.1, isDecoupled: true),
        ]
        for optimizer in optimizers {
            let change: (inout TrainingJob) -> Void = { job in
                job.model = {
                    Sequential {
                        Dense(40, activation: .relu)
                        BatchNorm()
                        Dense(30)
                        Dense(1)
                    }
                }
                job.batchSize = { _ in 32 }
                job.update = UpdateOptions(optimizer)
                job.update.l1 = 0.001
                job.update.rules = [
                    ParameterRule("*layers.2.weight", isFrozen: true),
                    ParameterRule("*bias", rateFactor: 2, weightDecay: 0),
                ]
            }
            let expected = try Self.job(stage: 0, change).run(steps: 5)
            let outcome = try Self.train(Self.job(stage: 2, change), nodes: nodes, 0..<5)
            #expect(outcome.saved.bits == expected.state.bits, "\(optimizer)")
        }
    }

    /// A checkpoint holds the whole state: a run goes on with any stage on any number of nodes.
    @Test func goingOnWithOtherNodesAndStages() throws {
        let whole = try Self.job(stage: 0).run(steps: 12).state
        var state: TrainedState?
        for (place, (nodes, stage)) in [(3, 1), (2, 0), (4, 2), (2, 1)].enumerated() {
            let steps = (3 * place)..<(3 * place + 3)
            state = try Self.train(Self.job(stage: stage), nodes: nodes, steps, from: state).saved
        }
        #expect(state?.bits == whole.bits)
    }

    /// A step with numbers that are not finite changes nothing anywhere.
    @Test func aSkippedStep() throws {
        func change(_ job: inout TrainingJob) {
            let sample = job.sample
            job.sample = { step, position in
                var (input, label) = sample(step, position)
                if step == 1 && position == 0 { input[0] = Float.nan.bitPattern }
                return (input, label)
            }
        }
        let expected = try Self.job(stage: 0, change).run(steps: 4)
        let outcome = try Self.train(Self.job(stage: 1, change), nodes: 3, 0..<4)
        #expect(!outcome.verdicts[0][1].isFinite && outcome.verdicts[0][3].isFinite)
        #expect(outcome.saved.bits == expected.state.bits)
    }

    /// Sums one way and parameters the other: as many bytes as sums both ways, and the squares, 2 of 1,024 parts.
    @Test(arguments: [(2, 8), (4, 8), (8, 8)]) func bytesAreFew(nodes: Int, shards: Int) throws {
        let job = Self.job(stage: 1) {
            $0.logicalShards = shards
            ($0.bucketByteCount, $0.edgeBucketByteCount) = (1 << 20, 1 << 20)
        }
        let arena = try job.start().shared.layout.elementCount * 4
        let cluster = PretendedCluster(nodeCount: nodes)
        _ = try Self.train(job, nodes: nodes, 0..<10, cluster: cluster)
        // Whole chunks do not divide evenly; reports, the start and the gathered state take some bytes too.
        let slack = 10 * 2 * 4096 * nodes + 4 * arena
        let wanted = 2 * 10 * arena * (nodes - 1) / nodes
        #expect(
            cluster.sent.allSatisfy { $0 > wanted / 2 && $0 < wanted + slack }, "\(cluster.sent) \(wanted)")
    }

    /// What a node takes: all nodes together hold the state once, and with stage 2 few gradients at a time.
    @Test(arguments: [2, 3, 4]) func memoryShrinks(nodes: Int) throws {
        func size(_ stage: Int) throws -> NodeMemorySize {
            let job = Self.job(stage: stage) {
                ($0.logicalShards, $0.update) = (nodes, UpdateOptions(Adam(rate: 0.1)))
                $0.model = {
                    DenseNetwork(hidden: Array(repeating: 256, count: 12), outputs: 1, activation: .relu)
                }
                ($0.bucketByteCount, $0.edgeBucketByteCount) = (250_000, 250_000)
            }
            return try NodeMemorySize(
                job.configuration,
                map: LaneMap(
                    Topology.even(nodes: nodes, ranksPerNode: 1), lanesPerReplica: 1, logicalShards: nodes))
        }
        let sizes = try (0...2).map { try size($0) }
        #expect(abs(sizes[1].optimizerState * nodes - sizes[0].optimizerState) < sizes[0].optimizerState / 10)
        #expect(sizes[1].gradients == sizes[0].gradients && sizes[1].savedState == sizes[0].optimizerState)
        #expect(sizes[2].gradients < sizes[1].gradients * 3 / 4 && sizes[2].total < sizes[1].total)
        #expect(sizes[1].exchange < sizes[0].exchange)
    }

    @Test func whatSpoilsSumsIsRefused() throws {
        let packed = Self.job(stage: 1) { $0.compression = TopKCompression(fraction: 0.1) }
        let local = Self.job(stage: 2) { $0.localSteps = 3 }
        for job in [packed, local] {
            let error = #expect(throws: LockstepError.self) { _ = try job.start() }
            #expect(error?.code == .usage && error?.remedy?.contains("zeroStage") == true)
        }
    }
}
