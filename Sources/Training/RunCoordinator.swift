import Checkpoints
import Coordination
import DataParallel
import Diagnostics
import Foundation
import Metrics
import Reports

/// What the coordinator of a run keeps: the folder, the log, the best evaluation, the checkpoints. Rank 0 alone has one;
/// the same code serves both modes.
final class RunCoordinator: @unchecked Sendable {
    let job: Job
    let preparation: RunPreparation
    let keeper: CheckpointKeeper
    private let identity: RunIdentity
    private let metrics: MetricsLog
    private let earlyStopping: EarlyStopping
    private let start = ContinuousClock.now
    private let console: Console
    /// Where the run stands, as the next checkpoint will say.
    private(set) var state: TrainingState

    init(_ job: Job, _ preparation: RunPreparation, console: Console) throws {
        self.job = job
        self.preparation = preparation
        self.console = console
        let folder = preparation.folder
        keeper = CheckpointKeeper(
            folder: folder.checkpointsFolder, keepLast: job.recipe.coordinator.keepLast,
            warn: { console.warn($0) })
        // The first files of the run: all ranks have agreed by now that it can start.
        try Self.write(job.recipe.source, to: folder.recipeFile)
        try MetricsLog.cutBack(folder.metricsFile, toStep: job.description.state.step)
        // Those of an earlier launch would not be of the checkpoint that this one ends with.
        unlink(folder.predictionsFile)
        metrics = try MetricsLog(path: folder.metricsFile)
        earlyStopping = EarlyStopping(job.recipe.coordinator.earlyStopping)
        state = job.description.state
        state.isStoppedEarly = false
        identity = RunIdentity(
            recipeHash: Versions.sha256(job.recipe.hashInput), recipeText: job.recipe.source,
            recipeKeys: job.recipe.effectiveKeys, dataJSON: try job.scenario.fitted.encoded(),
            libraryVersions: Versions.all(teacher: job.teacherDigest),
            base: preparation.base.map { ($0, job.scenario.base) })
    }

    private static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw LockstepError(
                .cannotCreate, "cannot write into the run's folder", at: FileLocation(path), cause: error)
        }
    }

    /// Whether training ends at this evaluation boundary, by the evaluations before it.
    var shouldStop: Bool { earlyStopping.shouldStop(state) }

    /// Tells the user something.
    func warn(_ text: String) { console.warn(text) }

    /// Notes that early stopping ends the run at the present step.
    func stopEarly() { state.isStoppedEarly = true }

    /// Takes over what a notice says of the run.
    func advance(to notice: BoundaryNotice) {
        let sampler = job.sampler
        state.step = notice.step
        state.epoch = notice.step / sampler.stepsPerEpoch
        state.samplesSeen = state.epoch * sampler.sampleCount + sampler.firstPosition(step: notice.step)
        state.optimizerStep = notice.updates
        state.skippedSteps = notice.step - notice.updates
        state.skippedStepsInARow = notice.skippedInRow
    }

    /// Writes logged steps to metrics.jsonl.
    func log(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        for entry in try JSONDecoder().decode(TrainingLog.self, from: Data(bytes)).entries {
            var values = ["learningRate": entry.learningRate, "samplesPerSecond": entry.samplesPerSecond]
            values["loss"] = entry.loss ?? .nan
            values["gradientNorm"] = entry.gradientNorm ?? .nan
            let epoch = (entry.step - 1) / job.sampler.stepsPerEpoch
            try keeper.attempt("metrics.jsonl") {
                try metrics.append(.train, step: entry.step, epoch: epoch, values: values)
                if !entry.ranks.isEmpty {
                    try metrics.append(
                        .ranks, step: entry.step, epoch: epoch, values: [:],
                        lists: [
                            "rank": entry.ranks.map { Double($0.rank) },
                            "stepMilliseconds": entry.ranks.map { $0.step * 1e3 },
                            "waitMilliseconds": entry.ranks.map { $0.wait * 1e3 },
                            "sentBytes": entry.ranks.map(\.sentBytes),
                        ])
                }
            }
            // A dedicated coordinator sees steps only here.
            if job.isDedicated { console.note(step: entry.step, loss: entry.loss ?? .nan) }
        }
    }

    /// Notes a finished evaluation.
    /// - Returns: whether it is the best so far.
    func note(_ parts: [EvaluationPart], batchCount: Int) throws -> Bool {
        let result = try EvaluationResult(
            task: job.scenario.task, classCount: job.scenario.classCount, parts: parts, batchCount: batchCount
        )
        let isBest = earlyStopping.note(result, step: state.step, in: &state)
        if !job.recipe.coordinator.keepBest { state.bestStep = nil }
        try keeper.attempt("metrics.jsonl") {
            try metrics.append(
                .evaluation, step: state.step, epoch: state.epoch, values: result.values,
                texts: ["split": job.recipe.coordinator.evaluationSplit.rawValue])
        }
        let metric = earlyStopping.metric.rawValue
        console.noteEvaluation(step: state.step, metric: metric, value: result.values[metric] ?? .nan)
        return isBest
    }

    /// Whether a checkpoint is due at a boundary.
    func isSaveDue(_ kind: Boundary, isBest: Bool) -> Bool {
        !kind.isDisjoint(with: [.checkpoint, .last, .preempted])
            || (isBest && job.recipe.coordinator.keepBest)
    }

    /// Saves a snapshot of the present state; on the calling thread.
    func save(_ snapshot: Snapshot, state: TrainingState, mustSucceed: Bool) throws {
        try keeper.attempt("metrics.jsonl") { try metrics.sync() }
        try keeper.save(
            identity.contents(snapshot, state: state, wallSeconds: seconds), mustSucceed: mustSucceed)
    }

    /// Seconds trained, earlier launches included.
    var seconds: Double {
        let parts = (ContinuousClock.now - start).components
        return preparation.earlierSeconds + Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
}
