import Checkpoints
import Collectives
import Coordination
import DataParallel
import Diagnostics
import Execution
import Foundation
import Inference
import Recipes
import Reports
import Scenarios

/// What rank 0 does before the others know of the job: it reads the recipe and the checkpoint, fits the data, and holds
/// the folder of the run that goes on. A new run takes its folder with ``claimFolder()`` once every rank is ready: one
/// that cannot start leaves nothing behind.
final class RunPreparation {
    /// What all ranks are told.
    let description: JobDescription
    /// The folder; locked by this process once claimed.
    let folder: RunFolder
    /// The tensors of the checkpoint that goes on.
    let tensors: TrainedState?
    /// Where low-rank adapters have their base.
    let base: BaseRecord?
    /// Seconds trained by earlier launches.
    let earlierSeconds: Double
    /// What to tell the user.
    let warnings: [String]
    /// Held until the process ends.
    private var lock: RunLock?

    /// Prepares a new run or the resume of one.
    static func make(_ options: TrainOptions, communicator: any Communicator) throws -> RunPreparation {
        var overrides = options.overrides
        if let mode = options.coordinator { overrides.append("coordinator.mode=\(mode.rawValue)") }
        let recipe = try Recipe(contentsOf: options.recipePath, overrides: overrides)
        let path = options.output ?? "runs/\(recipe.name)"
        let startsAfresh = options.resumesIfThere && !RunFolder(path: path).holdsRun
        return try options.isResumed && !startsAfresh
            ? RunPreparation(resuming: path, recipe, options)
            : RunPreparation(starting: path, recipe, options, communicator)
    }

    private init(
        starting path: String, _ given: Recipe, _ options: TrainOptions, _ communicator: any Communicator
    ) throws {
        // Refused before the data is read, and once more when the folder is made.
        try RunFolder.refuseExisting(path)
        var recipe = given
        let dedicated = recipe.coordinator.mode == .dedicated
        let ranks = communicator.worldSize - (dedicated ? 1 : 0)
        let lanes = options.lanes ?? LaneDefaults.lanes(communicator.topology, dedicated: dedicated)
        let shards =
            recipe.training.logicalShards
            ?? LaneMap.defaultLogicalShards(
                laneCount: max(1, ranks) * lanes * recipe.training.accumulation,
                globalBatchSize: recipe.training.globalBatchSize)
        // From here on the number of shards says it all.
        (recipe.training.logicalShards, recipe.training.accumulation) = (shards, 1)
        var data = try RecipeData(recipe)
        if let start = recipe.start, let earlier = try StartingWeights.data(start.path) {
            data = try RecipeData(recipe, fitted: try data.fitted.withTokenizer(of: earlier))
        }
        let fitted = data.fitted
        // Bad rows of the verdict are told now, not after hours of training; the other splits are opened by the job.
        if recipe.data.hasTest { _ = try data.dataset(.test) }
        let scenario = try Scenario(recipe, fitted: fitted, model: options.model)
        let start = try recipe.start.map {
            try StartingWeights($0, layout: ParameterLayout(try scenario.trace(sampleCount: 1)))
        }
        let adapted = recipe.start?.adapters == nil ? nil : start
        base = adapted?.source
        let state = TrainingState(seed: recipe.seed, logicalShards: shards)
        description = JobDescription(
            recipeKeys: recipe.effectiveKeys, recipeText: recipe.source, state: state, fitted: fitted,
            isResumed: false, base: adapted?.frozen ?? [])
        folder = RunFolder(path: path)
        tensors = start?.state
        earlierSeconds = 0
        warnings = [start?.note].compactMap { $0 }
    }

    private init(resuming path: String, _ given: Recipe, _ options: TrainOptions) throws {
        folder = try RunFolder.open(path)
        lock = try RunLock(folder)
        try CheckpointDirectory.clean(folder.checkpointsFolder)
        let search = try CheckpointReader.latest(in: folder.checkpointsFolder)
        let checkpoint = search.checkpoint
        var state = checkpoint.state
        var changes = try RecipeDifference.check(
            saved: checkpoint.manifest.recipeKeys, new: given.effectiveKeys)
        changes += Self.forgetOtherBest(&state, saved: checkpoint.manifest.recipeKeys, given)
        var recipe = given
        (recipe.training.logicalShards, recipe.training.accumulation) = (state.logicalShards, 1)
        let fitted = try FittedData(decoding: checkpoint.dataJSON)
        let tensors = try Self.tensors(checkpoint, recipe, fitted, options)
        description = JobDescription(
            recipeKeys: recipe.effectiveKeys, recipeText: recipe.source, state: state, fitted: fitted,
            isResumed: true, base: tensors.base.sorted())
        base = checkpoint.manifest.base
        self.tensors = tensors
        earlierSeconds = checkpoint.manifest.wallSeconds
        let teacher = try recipe.training.teacher.map { try Teacher($0).digest }
        let versions = Versions.all(teacher: teacher).filter {
            checkpoint.manifest.libraryVersions[$0.key] != $0.value
        }
        warnings =
            search.warnings + changes
            + versions.keys.sorted().map {
                "\($0) was \(checkpoint.manifest.libraryVersions[$0] ?? "unknown"), is \(versions[$0] ?? ""): "
                    + "the bits may differ from those of a run that never stopped"
            }
    }

    /// What a checkpoint goes on with, the base of adapters included.
    private static func tensors(
        _ checkpoint: LoadedCheckpoint, _ recipe: Recipe, _ fitted: FittedData, _ options: TrainOptions
    ) throws -> TrainedState {
        guard checkpoint.manifest.base != nil else { return try TrainedState(checkpoint) }
        let scenario = try Scenario(recipe, fitted: fitted, model: options.model)
        let layout = ParameterLayout(try scenario.trace(sampleCount: 1))
        return try TrainedState(checkpoint, start: recipe.start, layout: layout)
    }

    /// What was best by another metric, or on another split, says nothing now.
    private static func forgetOtherBest(
        _ state: inout TrainingState, saved: [String: String], _ recipe: Recipe
    ) -> [String] {
        let split = recipe.coordinator.evaluationSplit.rawValue
        let metric = EarlyStopping(recipe.coordinator.earlyStopping).metric.rawValue
        let isSame = saved["coordinator.evaluationSplit"] == split && state.metricName ?? metric == metric
        guard !isSame, state.bestStep != nil || state.bestValue != nil else { return [] }
        (state.bestValue, state.bestStep, state.patienceCounter) = (nil, nil, 0)
        return ["evaluations are now by \(metric) on the \(split) split: the best so far is forgotten"]
    }

    /// Makes and locks the folder of a new run; that of a resumed one is locked already.
    /// - Throws: `LockstepError` (73) where it cannot be made or a run is there by now.
    func claimFolder() throws {
        guard lock == nil else { return }
        _ = try RunFolder.create(at: folder.path)
        lock = try RunLock(folder)
        try CheckpointDirectory.clean(folder.checkpointsFolder)
    }
}
