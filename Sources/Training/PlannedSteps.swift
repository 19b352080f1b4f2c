import Coordination
import DataPipeline
import Recipes
import Scenarios

/// How long a recipe trains.
public enum PlannedSteps {
    /// The steps of the whole run, as planned; its data is opened and fitted for that.
    /// - Throws: `LockstepError` where the recipe or its data do not fit.
    public static func of(_ recipe: Recipe) throws -> Int {
        let count = try RecipeData(recipe).samples(.train).dataset.count
        let sampler = try ShardSampler(
            sampleCount: count, globalBatchSize: recipe.training.globalBatchSize, shardCount: 1, seed: 0)
        return BoundarySchedule(recipe, stepsPerEpoch: sampler.stepsPerEpoch).totalSteps
    }
}
