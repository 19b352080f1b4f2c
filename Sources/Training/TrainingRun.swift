import Checkpoints
import Collectives
import Coordination
import DataParallel
import DataPipeline
import Diagnostics
import Foundation
import Reports
import Scenarios
import Supervision

/// Puts the rooms together: one launch of a run, from the recipe to the report. Every rank executes it.
public struct TrainingRun {
    private let options: TrainOptions
    private let communicator: any Communicator

    /// A launch under a communicator.
    public init(_ options: TrainOptions, communicator: any Communicator) {
        self.options = options
        self.communicator = communicator
    }

    /// Trains. Collective: every rank.
    /// - Returns: how it ended; rank 0's has the results.
    /// - Throws: `LockstepError` naming the place and the remedy.
    public func execute() throws -> TrainOutcome {
        let preparation = try Agreement.reach(communicator) {
            communicator.rank == 0 ? try RunPreparation.make(options, communicator: communicator) : nil
        }
        // Told now, not after hours of training.
        if options.trainsBaseline, let fitted = preparation?.description.fitted {
            try RunEvaluation.Outcome.checkBaseline(fitted)
        }
        let job = try Job(options, communicator: communicator, description: preparation?.description)
        try Agreement.reach(communicator) { try preparation?.claimFolder() }
        let console = console(job)
        (preparation?.warnings ?? []).forEach(console.warn)
        if communicator.rank == 0 { job.warnings.forEach(console.warn) }
        let shared = try ReplicaShared(try configuration(job), communicator: communicator, map: job.map)
        try shared.initialize(
            isResumed: job.description.isResumed, isPretrained: job.recipe.start != nil,
            from: preparation?.tensors)
        let coordinator = try preparation.map { try RunCoordinator(job, $0, console: console) }
        let (end, step) = try telling(shared) { try train(job, shared, coordinator, console) }
        try coordinator?.keeper.finish()
        console.finish()
        // Nobody leaves before the last checkpoint is durable.
        try communicator.barrier()
        var outcome = TrainOutcome(end: end, step: step, folder: preparation?.folder.path ?? "")
        if let coordinator { try finish(&outcome, coordinator) }
        try communicator.barrier()
        return outcome
    }

    /// Runs something; where it fails, lanes of other ranks stop waiting for this one.
    private func telling<Result>(_ shared: ReplicaShared, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch {
            shared.abort(LockstepError.wrapping(error).code)
            throw error
        }
    }

    private func console(_ job: Job) -> Console {
        Console(
            totalSteps: job.schedule.totalSteps, firstStep: job.description.state.step,
            stepsPerEpoch: job.sampler.stepsPerEpoch,
            isSilent: communicator.rank != 0 || options.printsJSON || options.isQuiet,
            isUnderMPI: CommunicatorFactory.isLaunchedByMPI(ProcessInfo.processInfo.environment))
    }

    private func configuration(_ job: Job) throws -> ReplicaConfiguration {
        let threads = LaneDefaults.loaderThreads(
            communicator.topology, dedicated: job.isDedicated, lanes: job.map.lanesPerReplica)
        var configuration = ReplicaConfiguration(
            update: job.scenario.updateOptions(totalSteps: job.schedule.totalSteps), seed: job.recipe.seed,
            trace: { [scenario = job.scenario] in try scenario.trace(sampleCount: $0) },
            makeSource: { [dataset = job.training, sampler = job.sampler] shards, step in
                LoaderSource(
                    BatchLoader(
                        dataset: dataset, sampler: sampler, shards: shards, startStep: step, threads: threads)
                )
            })
        configuration.traceOfLength = { [scenario = job.scenario] in
            try scenario.trace(sampleCount: $0, length: $1)
        }
        configuration.precision = job.scenario.precision.available
        configuration.apply(job.recipe.training.exchange)
        configuration.stopRequested = { RunSignals.stopRequested }
        let options = try CommunicatorOptions(environment: ProcessInfo.processInfo.environment)
        configuration.timeLimit = options.timeLimit
        return configuration
    }

    private func train(
        _ job: Job, _ shared: ReplicaShared, _ coordinator: RunCoordinator?, _ console: Console
    ) throws -> (end: TrainOutcome.End, step: Int) {
        let state = job.description.state
        if let end = alreadyEnded(job) { return (end, state.step) }
        let threads = max(1, job.isDedicated ? 1 : job.map.lanesPerReplica)
        let evaluator = try self.evaluator(job, shared, threads: threads)
        if job.isDedicated, let coordinator, let evaluator {
            let loop = DedicatedLoop(job: job, shared: shared, evaluator: evaluator, coordinator: coordinator)
            let end = try loop.run()
            return (end, coordinator.state.step)
        }
        let replica = try Replica(
            shared, step: state.step, updates: state.optimizerStep, skippedInRow: state.skippedStepsInARow)
        defer { replica.stop() }
        let loop = ReplicaLoop(
            job: job, shared: shared, replica: replica, evaluator: evaluator, coordinator: coordinator,
            console: console)
        return (try loop.run(), replica.step)
    }

    /// A resumed run that has nothing left to do.
    private func alreadyEnded(_ job: Job) -> TrainOutcome.End? {
        let state = job.description.state
        guard job.description.isResumed else { return nil }
        // More patience, asked for by this launch, lets a run go on that had stopped early.
        let earlyStopping = EarlyStopping(job.recipe.coordinator.earlyStopping)
        if state.isStoppedEarly, earlyStopping.shouldStop(state) { return .stoppedEarly }
        if state.step >= job.schedule.totalSteps { return .completed }
        return state.step >= job.schedule.lastStep ? .stepLimit : nil
    }

    private func evaluator(_ job: Job, _ shared: ReplicaShared, threads: Int) throws -> Evaluator? {
        guard let dataset = job.evaluation else { return nil }
        return try Evaluator(
            job.scenario, dataset: dataset, of: job.data, layout: shared.layout, threads: threads)
    }

    /// Rank 0: the hash, and for a finished run the report.
    private func finish(_ outcome: inout TrainOutcome, _ coordinator: RunCoordinator) throws {
        let folder = coordinator.preparation.folder
        outcome.finalHash = try FinalHash.of(
            try CheckpointReader.latest(in: folder.checkpointsFolder).checkpoint)
        if outcome.isFinished {
            let told = coordinator.job.warnings
            let evaluation = try RunEvaluation(folder.path, model: options.model) {
                if !told.contains($0) { coordinator.warn($0) }
            }
            guard var evaluated = try evaluation.evaluate() else { return }
            if options.trainsBaseline { try evaluated.trainBaseline(evaluation) }
            try evaluated.report.write(to: folder.reportFile)
            try keep(evaluated, in: folder)
            outcome.metrics = evaluated.report.result.values
            outcome.report = evaluated.report.text
            outcome.baselineName = evaluated.report.trainedBaseline?.name
            outcome.baselineMetrics = evaluated.report.trainedBaseline?.result.values ?? [:]
        }
        try RunFacts(coordinator.job, outcome, seconds: coordinator.seconds).write(to: folder.runFile)
    }

    /// Keeps what the model said of each sample, for `lockstep compare`.
    private func keep(_ evaluated: RunEvaluation.Outcome, in folder: RunFolder) throws {
        guard let predictions = evaluated.predictions else { return }
        let report = evaluated.report
        let stored = StoredPredictions(predictions, split: report.split, step: report.step)
        if stored.isSmall { try stored.write(to: folder.predictionsFile) }
    }
}
