import Coordination
import DataPipeline
import Execution
import Scenarios

extension Evaluator {
    /// Evaluates a recipe's model on samples of its data, in batches of like length where the recipe asks for them.
    /// - Throws: `LockstepError` (65) where a sample cannot be decoded.
    convenience init(
        _ scenario: Scenario, dataset: any Dataset, of data: RecipeData, layout: ParameterLayout, threads: Int
    ) throws {
        self.init(
            dataset: dataset, batchSize: scenario.recipe.coordinator.evaluationBatchSize, layout: layout,
            threads: threads, buckets: try data.buckets(of: dataset),
            traceOfLength: { try scenario.inferenceTrace(sampleCount: $0, length: $1, withLabel: true) },
            trace: { try scenario.inferenceTrace(sampleCount: $0, withLabel: true) })
    }
}
