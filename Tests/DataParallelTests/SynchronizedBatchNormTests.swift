import DataParallel
import Diagnostics
import Execution
import Graphs
import NeuralNetworks
import Testing

/// Statistics over all logical shards of a step: what PyTorch gives on the whole batch, whoever computes which shard.
@Suite struct SynchronizedBatchNormTests {
    private static func recordedJob(lanes: Int) -> TrainingJob {
        var job = BatchNormTrainingTests.job()
        job.synchronizesBatchNorm = true
        (job.logicalShards, job.lanes) = (4, lanes)
        return job
    }

    /// Four shards, on lanes of one node, or of several, give the recording of one undivided batch.
    @Test(arguments: [1, 2, 4]) func equalsPyTorchOnTheWholeBatch(nodes: Int) throws {
        let recorded = try Recorded.load("batch_norm.json", as: BatchNormTrainingTests.Contents.self)
        let job = Self.recordedJob(lanes: 4 / nodes)
        var bits: [[UInt32]] = []
        let states = try PretendedCluster(nodeCount: nodes).onEveryRank { communicator in
            // On every rank alike: the state that the recording began with.
            let (shared, replica) = try job.start(
                from: { BatchNormTrainingTests.initialState($0) }, on: communicator)
            defer { replica.stop() }
            var (states, losses): ([TrainedState], [Double]) = ([], [])
            for step in recorded.cases.indices {
                try replica.run(until: step + 1) { losses.append($0.loss) }
                states.append(shared.snapshot().exported())
            }
            return (states, losses)
        }
        for (states, losses) in states {
            for (step, wanted) in recorded.cases.enumerated() {
                #expect(abs(losses[step] - wanted.loss) < 1e-5, "step \(step)")
                for (name, values) in wanted.buffers {
                    let ours = try #require(states[step].parameters[name]).values
                    let worst = zip(ours, values).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
                    #expect(worst < 2e-5, "step \(step), \(name): off by \(worst)")
                }
            }
            bits.append(try #require(states.last).bits)
        }
        #expect(Set(bits).count == 1)
    }

    /// A residual network on images: norms fused with ReLU and residuals, on blocked channels, and computed again in
    /// backward. Uneven steps, and one with fewer samples than shards.
    private static func residualJob() -> TrainingJob {
        var job = TrainingJob {
            (try? ResidualNetwork.cifar(depth: 8, classes: 3)) ?? .resNet18(classes: 3)
        }
        job.input = .init("x", [3, 8, 8])
        job.label = .init("y", [], .int32)
        job.loss = .softmaxCrossEntropy
        job.batchSize = { [16, 13, 3, 16, 9][$0 % 5] }
        job.sample = { step, position in
            let stream = RandomStream(seed: 19, purpose: 5, UInt32(step), UInt32(position))
            return ((0..<192).map { (stream.uniform($0) * 3 - 1.5).bitPattern }, [stream.word(200) % 3])
        }
        job.logicalShards = 4
        return job
    }

    @Test func equalsOneShardAndHasTheSameBitsOnAnyNodes() throws {
        var whole = Self.residualJob()
        whole.logicalShards = 1
        let expected = try whole.run(steps: 5)
        var bits: Set<[UInt32]> = []
        for (nodes, lanes) in [(1, 4), (2, 2), (4, 1)] {
            let results = try PretendedCluster(nodeCount: nodes).onEveryRank {
                var job = Self.residualJob()
                (job.synchronizesBatchNorm, job.lanes) = (true, lanes)
                return try job.run(steps: 5, on: $0)
            }
            for result in results {
                bits.insert(result.state.bits)
                for (ours, theirs) in zip(result.verdicts, expected.verdicts) {
                    #expect(abs(ours.loss - theirs.loss) < 1e-4, "step \(ours.step)")
                }
                for (name, wanted) in expected.state.parameters where name.contains("running") {
                    let ours = try #require(result.state.parameters[name]).values
                    let worst = zip(ours, wanted.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
                    #expect(worst < 1e-3, "\(name): off by \(worst)")
                }
            }
        }
        #expect(bits.count == 1)
        // Statistics of a shard alone are others: the comparison above says something.
        let apart = try Self.residualJob().run(steps: 5)
        #expect(abs(apart.verdicts[4].loss - expected.verdicts[4].loss) > 1e-3)
    }

    /// A lane's shards run one after the other, so that they cannot meet.
    @Test(arguments: [1, 2, 3]) func needsAShardALane(lanes: Int) throws {
        let error = #expect(throws: LockstepError.self) { _ = try Self.recordedJob(lanes: lanes).start() }
        #expect(error?.code == .mismatch)
        #expect(error?.message.contains("one logical shard a lane, got 4 for \(lanes) lanes") == true)
    }

    /// A model without batch norm has nothing to meet for, and any number of lanes.
    @Test func withoutBatchNormNothingChanges() throws {
        var job = TrainingJob { DenseNetwork(hidden: [8], outputs: 1) }
        let plain = try job.run(steps: 3)
        job.synchronizesBatchNorm = true
        #expect(try job.run(steps: 3).state.bits == plain.state.bits)
    }

    /// A lane that fails at home leaves nobody waiting at a meeting.
    @Test func aLaneThatFailsEndsTheMeeting() throws {
        var job = Self.recordedJob(lanes: 4)
        job.onShard = { step, shard in
            if step == 2 && shard == 1 { throw LockstepError(.badData, "a bad sample") }
        }
        let error = #expect(throws: LockstepError.self) { _ = try job.run(steps: 5) }
        #expect(error?.code == .badData)
    }
}
