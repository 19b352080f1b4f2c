import Coordination
import DataPipeline
import Diagnostics
import Inference
import Metrics
import NeuralNetworks
import Recipes
import Reports
import Scenarios
import Supervision

/// Evaluates a finished or interrupted run, or one of its checkpoints, on a split of its data.
public struct RunEvaluation {
    /// The trained model.
    public let model: TrainedModel
    private let path: String
    private let warn: (String) -> Void

    /// Opens a run; the best checkpoint where there is one.
    /// - Parameters:
    ///   - model: the model, where the run trained one written in Swift.
    ///   - warn: told of damaged checkpoints that were passed over and of rows left out.
    public init(_ path: String, model: (any Layer)? = nil, warn: @escaping (String) -> Void) throws {
        self.path = path
        self.warn = warn
        self.model = try TrainedModel(path, model: model)
        self.model.warnings.forEach(warn)
    }

    /// The splits that can be evaluated.
    public static var splitNames: [String] { CoordinatorPart.Split.allCases.map(\.rawValue) }

    /// Evaluates a split with as many threads as there are cores; the test split where nothing is asked for, or,
    /// without one, the split that training evaluates.
    /// - Throws: `LockstepError` for an unknown split, or one without rows.
    public func report(split asked: String? = nil) throws -> RunReport {
        let recipe = model.scenario.recipe
        let name = asked ?? (recipe.data.hasTest ? "test" : recipe.coordinator.evaluationSplit.rawValue)
        guard let split = CoordinatorPart.Split(rawValue: name) else {
            throw LockstepError(
                .usage, "no split '\(name)'", remedy: Suggestions.remedy(for: name, among: Self.splitNames))
        }
        let scenario = model.scenario
        let data = try RecipeData(scenario.recipe, fitted: scenario.fitted)
        let dataset = try data.dataset(split)
        data.leftOutWarning(split, sampleCount: dataset.count).map(warn)
        let evaluator = Evaluator(
            dataset: dataset, batchSize: scenario.recipe.coordinator.evaluationBatchSize,
            layout: model.layout, threads: CPUBudget.current().usableCPUs,
            trace: { try scenario.inferenceTrace(sampleCount: $0, withLabel: true) })
        let result = try EvaluationResult(
            task: scenario.task, classCount: scenario.classCount,
            parts: try evaluator.parts(model.parameters),
            batchCount: evaluator.batchCount)
        return RunReport(
            recipeName: scenario.recipe.name, split: name, step: model.checkpoint.step,
            parameterCount: model.layout.parameterCount, wallSeconds: model.checkpoint.manifest.wallSeconds,
            files: [("run", path), ("checkpoint", model.checkpoint.path)], result: result,
            classNames: scenario.fitted.classNames,
            baseline: scenario.recipe.baseline.map {
                RunReport.Baseline(name: $0.name, metric: $0.metric.rawValue, value: $0.value)
            })
    }
}
