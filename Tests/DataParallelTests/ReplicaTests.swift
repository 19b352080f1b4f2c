import DataParallel
import Diagnostics
import Graphs
import NeuralNetworks
import Testing

@Suite struct ReplicaTests {
    private func job(dropout: Double = 0.3) -> TrainingJob {
        var job = TrainingJob {
            DenseNetwork(hidden: [40, 33], outputs: 1, activation: .tanh, dropout: dropout)
        }
        job.update = UpdateOptions(Adam(rate: 0.01))
        job.update.clipNorm = 0.3
        // Small buckets, so that slices of several buckets meet every lane.
        job.bucketByteCount = 4096
        return job
    }

    /// Full batches, an uneven one, one with fewer samples than shards (some shards have none), one sample alone.
    private static let sizes = [16, 16, 13, 3, 1, 16, 2, 7]

    @Test(arguments: [1, 4, 5, 8]) func lanesDoNotChangeBits(shards: Int) throws {
        var first: (bits: [UInt32], verdicts: [StepVerdict])?
        for lanes in 1...min(4, shards) {
            var job = job()
            (job.lanes, job.logicalShards) = (lanes, shards)
            job.batchSize = { Self.sizes[$0 % Self.sizes.count] }
            let result = try job.run(steps: 16)
            #expect(result.verdicts.map(\.termCount) == (0..<16).map { Double(Self.sizes[$0 % 8]) })
            #expect(result.verdicts.allSatisfy { $0.isFinite && $0.loss > 0 })
            #expect(first?.bits ?? result.state.bits == result.state.bits, "\(lanes) lanes, \(shards) shards")
            #expect(first?.verdicts ?? result.verdicts == result.verdicts, "\(lanes) lanes, \(shards) shards")
            first = first ?? (result.state.bits, result.verdicts)
        }
    }

    /// Otherwise the test above would prove nothing: another seed, another V, another dropout give other bits.
    @Test func whatMayChangeBitsDoes() throws {
        let base = try job().run(steps: 3).state.bits
        #expect(try job().run(steps: 3).state.bits == base)
        var other = job()
        other.seed += 1
        #expect(try other.run(steps: 3).state.bits != base)
        #expect(try job(dropout: 0.31).run(steps: 3).state.bits != base)
        other = job()
        other.logicalShards = 1
        #expect(try other.run(steps: 3).state.bits != base)
    }

    /// A sum over shards, then one division: any V gives the same numbers but for rounding.
    @Test func shardsDoNotChangeTheMathematics() throws {
        var losses: [[Double]] = []
        for shards in [1, 2, 3, 8, 16] {
            var job = job()
            job.logicalShards = shards
            job.batchSize = { Self.sizes[$0 % 8] }
            job.update = UpdateOptions(SGD(rate: 0.1))
            losses.append(try job.run(steps: 10).verdicts.map(\.loss))
        }
        for other in losses.dropFirst() {
            #expect(zip(other, losses[0]).allSatisfy { abs($0 - $1) < 1e-5 * max(1, $1) })
        }
    }

    @Test func aStepWithoutSamplesChangesNothing() throws {
        var job = job()
        job.batchSize = { $0 == 1 ? 0 : 16 }
        let result = try job.run(steps: 3, keepsStates: true)
        #expect(result.states[0] == result.states[1] && result.states[1] != result.states[2])
        #expect(result.verdicts[1].termCount == 0 && result.verdicts[1].isFinite)
    }

    /// Stopping anywhere and going on with what a checkpoint holds gives the bits of the run that never stopped.
    @Test func goingOnFromASnapshotGivesTheSameBits() throws {
        let whole = try job().run(steps: 9)
        let half = try job().run(steps: 4)
        var job = job()
        job.lanes = 3
        let (shared, replica) = try job.start(from: { _ in half.state }, step: 4)
        defer { replica.stop() }
        try replica.run(until: 9)
        #expect(shared.snapshot().exported().bits == whole.state.bits)
        #expect(replica.step == 9 && replica.updates == 9)
    }

    @Test func askedToStopItStopsAfterTheStep() throws {
        var job = job()
        job.lanes = 2
        let flag = StopFlag()
        job.stopRequested = { flag.isSet }
        job.onShard = { step, shard in if step == 5 && shard == 3 { flag.set() } }
        let result = try job.run(steps: 100)
        #expect(result.verdicts.last?.stopRequested == true)
        #expect((6...7).contains(result.verdicts.count))
    }

    @Test func theLossFallsOnALearnableProblem() throws {
        var job = job(dropout: 0)
        job.sample = { step, position in
            let stream = RandomStream(seed: 1, purpose: 9, UInt32(step % 4), UInt32(position))
            let input = (0..<6).map { stream.uniform($0) * 2 - 1 }
            return (input.map(\.bitPattern), [(input[0] > input[1] ? Float(1) : 0).bitPattern])
        }
        let losses = try job.run(steps: 300).verdicts.map(\.loss)
        let (first, last) = (losses.prefix(4).reduce(0, +), losses.suffix(4).reduce(0, +))
        #expect(last < 0.4 * first)
    }
}
