import DataParallel
import DataPipeline
import Graphs
import Recipes
import Scenarios

/// What a recipe trains, without a run around it: for benchmarks. Data is opened and fitted by every rank itself.
public struct RecipeConfiguration: Sendable {
    private let scenario: Scenario
    private let dataset: any Dataset

    /// Reads a recipe and its training data.
    /// - Throws: `LockstepError` naming the place in the recipe or in the data.
    public init(_ path: String, overrides: [String]) throws {
        let recipe = try Recipe(contentsOf: path, overrides: overrides)
        let data = try RecipeData(recipe)
        scenario = try Scenario(recipe, fitted: data.fitted)
        dataset = try data.dataset(.train, for: .training(seed: recipe.seed))
    }

    /// The recipe's name.
    public var name: String { scenario.recipe.name }
    /// Samples of a step over all lanes.
    public var globalBatchSize: Int { scenario.recipe.training.globalBatchSize }
    /// Logical shards, where the recipe states them.
    public var logicalShards: Int? { scenario.recipe.training.logicalShards }
    /// What products compute in.
    public var precision: Precision { scenario.precision }

    /// The model, its micro-batches and its update.
    /// - Parameter shards: logical shards of a step.
    public func configuration(shards: Int) throws -> ReplicaConfiguration {
        let recipe = scenario.recipe
        let sampler = try ShardSampler(
            sampleCount: dataset.count, globalBatchSize: recipe.training.globalBatchSize, shardCount: shards,
            seed: recipe.seed, shuffles: recipe.training.shuffle)
        return ReplicaConfiguration(
            update: scenario.updateOptions(totalSteps: 1_000_000), seed: scenario.recipe.seed,
            trace: { [scenario] in try scenario.trace(sampleCount: $0) },
            makeSource: { [dataset] shards, step in
                LoaderSource(BatchLoader(dataset: dataset, sampler: sampler, shards: shards, startStep: step))
            })
    }
}
