import DataParallel
import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Faults inside a step: they end the run with their own error, on every lane, at once.
@Suite(.timeLimit(.minutes(1))) struct FailureTests {
    private func job(lanes: Int) -> TrainingJob {
        var job = TrainingJob { DenseNetwork(hidden: [8], outputs: 1) }
        job.update = UpdateOptions(Adam(rate: 0.01))
        job.lanes = lanes
        return job
    }

    @Test(arguments: [0, 1, 3], [1, 2, 4]) func aSourceThatThrowsEndsTheRun(shard: Int, lanes: Int) throws {
        var job = job(lanes: lanes)
        job.onShard = { step, at in
            if step == 3 && at == shard {
                throw LockstepError(.badData, "row 17 is torn", remedy: "mend it")
            }
        }
        let clock = ContinuousClock()
        let start = clock.now
        let error = #expect(throws: LockstepError.self) { try job.run(steps: 10) }
        #expect(error?.message == "row 17 is torn" && error?.code == .badData)
        #expect(error?.rank == 0 && error?.remedy == "mend it")
        #expect(clock.now - start < .seconds(5))
    }

    @Test(arguments: [1, 4]) func aModelThatDoesNotFitEndsTheStart(lanes: Int) {
        var job = job(lanes: lanes)
        job.label = .init("y", [2])
        let error = #expect(throws: LockstepError.self) { try job.run(steps: 1) }
        #expect(error?.code == .usage && error?.message.contains("[1, 2]") == true)
    }

    /// Feature 2 of sample 9 is bad in the given steps.
    private func poisoned(_ job: TrainingJob, with bad: Float, in steps: ClosedRange<Int>) -> TrainingJob {
        var job = job
        let sample = job.sample
        job.sample = { step, position in
            var (input, label) = sample(step, position)
            if steps.contains(step) && position == 9 { input[2] = bad.bitPattern }
            return (input, label)
        }
        return job
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], [1, 3]) func aNonFiniteStepChangesNothing(
        bad: Float, lanes: Int
    ) throws {
        let job = poisoned(job(lanes: lanes), with: bad, in: 2...3)
        let result = try job.run(steps: 6, keepsStates: true)
        #expect(result.verdicts.map(\.isFinite) == [true, true, false, false, true, true])
        #expect(result.states[1] == result.states[2] && result.states[2] == result.states[3])
        #expect(result.states[3] != result.states[4])
        #expect(result.state.parameters.values.allSatisfy { $0.values.allSatisfy { $0.isFinite } })
        // A skipped step is no update: the bias correction goes on as if it had not been.
        let (_, replica) = try job.start()
        defer { replica.stop() }
        try replica.run(until: 4)
        #expect(replica.step == 4 && replica.updates == 2 && replica.skippedInRow == 2)
        try replica.run(until: 6)
        #expect(replica.updates == 4 && replica.skippedInRow == 0)
    }

    @Test(arguments: [1, 4]) func severalInARowEndTheRun(lanes: Int) throws {
        var job = poisoned(job(lanes: lanes), with: .nan, in: 2...100)
        job.update.maxNonFiniteSteps = 3
        let error = #expect(throws: LockstepError.self) { try job.run(steps: 20) }
        #expect(error?.code == .numericFailure && error?.rank == 0 && error?.step == 4)
        // Sample 9 of 16 is in the third of four shards.
        #expect(
            error?.message.contains("logical shard 2") == true && error?.message.contains("rank 0") == true)
        #expect(error?.remedy?.isEmpty == false)
        // Two in a row, again and again, do not.
        var spaced = self.job(lanes: lanes)
        let sample = spaced.sample
        spaced.sample = { step, position in
            var (input, label) = sample(step, position)
            if step % 3 != 0 && position == 9 { input[2] = Float.nan.bitPattern }
            return (input, label)
        }
        spaced.update.maxNonFiniteSteps = 3
        #expect(try spaced.run(steps: 12).verdicts.count == 12)
    }

    @Test func aLaneThatNeverComesIsNamedAfterTheTimeLimit() throws {
        var job = job(lanes: 2)
        job.timeLimit = .milliseconds(300)
        job.onShard = { step, shard in if step == 1 && shard == 3 { sleepFor(milliseconds: 1500) } }
        let error = #expect(throws: LockstepError.self) { try job.run(steps: 3) }
        #expect(error?.code == .hang)
        #expect(error.map { "\($0)" }?.contains("lane 1") == true, "\(String(describing: error))")
    }

    @Test func aCheckpointOfAnotherModelIsRefused() throws {
        let other = try TrainingJob { DenseNetwork(hidden: [9], outputs: 1) }.run(steps: 1).state
        var plain = job(lanes: 1)
        plain.update = UpdateOptions(SGD(rate: 0.1))
        let error = #expect(throws: LockstepError.self) { try plain.run(steps: 1) { _ in other } }
        #expect(error?.code == .mismatch && error?.message.contains("layers.") == true)
        #expect(throws: LockstepError.self) { try plain.run(steps: 1) { _ in TrainedState() } }
    }
}
