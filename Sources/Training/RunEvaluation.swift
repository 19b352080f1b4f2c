import Collectives
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
    /// What came out: on rank 0.
    public struct Outcome {
        /// The numbers, for people and as JSON.
        public internal(set) var report: RunReport
        /// What the model said of each sample; nil where a sample has several answers, as the tokens of a text are.
        public let predictions: SamplePredictions?
    }

    /// The trained model.
    public let model: TrainedModel
    private let path: String
    private let warn: (String) -> Void

    /// Opens a run; the best checkpoint where there is one.
    /// - Parameters:
    ///   - model: the model, where the run trained one written in Swift.
    ///   - base: of a run of low-rank adapters, where their base lies now.
    ///   - warn: told of damaged checkpoints that were passed over and of rows left out.
    public init(
        _ path: String, model: (any Layer)? = nil, base: String? = nil, warn: @escaping (String) -> Void
    ) throws {
        self.path = path
        self.warn = warn
        self.model = try TrainedModel(path, model: model, base: base)
        self.model.warnings.forEach(warn)
    }

    /// The splits that can be evaluated.
    public static var splitNames: [String] { CoordinatorPart.Split.allCases.map(\.rawValue) }

    /// The split that is evaluated: what was asked for; else the test split or, without one, the split that training
    /// evaluates.
    /// - Throws: 2 for an unknown one.
    public func split(_ asked: String?) throws -> CoordinatorPart.Split {
        let recipe = model.scenario.recipe
        guard let asked else { return recipe.data.hasTest ? .test : recipe.coordinator.evaluationSplit }
        if let split = CoordinatorPart.Split(rawValue: asked) { return split }
        throw LockstepError(
            .usage, "no split '\(asked)'", remedy: Suggestions.remedy(for: asked, among: Self.splitNames))
    }

    /// Evaluates a split, with as many threads as there are cores for it, spread over the ranks of a communicator.
    /// Collective where there is one.
    /// - Parameter errorCount: how many of the most confident errors the report shows.
    /// - Returns: on rank 0; nil on others.
    /// - Throws: `LockstepError` for an unknown split, or one without rows.
    public func evaluate(
        split asked: String? = nil, errorCount: Int = 0, communicator: (any Communicator)? = nil
    ) throws -> Outcome? {
        let split = try split(asked)
        let scenario = model.scenario
        let data = try RecipeData(scenario.recipe, fitted: scenario.fitted)
        let dataset = try data.dataset(split)
        let warnings =
            data.source.warnings
            + [data.leftOutWarning(split, sampleCount: dataset.count)].compactMap { $0 }
        if communicator?.rank ?? 0 == 0 { warnings.forEach(warn) }
        let threads =
            communicator.map { LaneDefaults.lanes($0.topology, dedicated: false) }
            ?? CPUBudget.current().usableCPUs
        let evaluator = try Evaluator(
            scenario, dataset: dataset, of: data, layout: model.layout, threads: threads)
        let parts = try Self.parts(evaluator, model, communicator)
        let translation = try translationScores(data, split, threads: threads, communicator)
        guard let parts else { return nil }
        // Curves over the tokens of a text would say nothing, and be long.
        let hasOneAnswer = parts.reduce(0) { $0 + $1.count } == dataset.count
        var result = try EvaluationResult(
            task: scenario.task, classCount: scenario.classCount, parts: parts,
            batchCount: evaluator.batchCount, isDetailed: hasOneAnswer)
        (result.bleu, result.rouge) = (translation?.bleu.score, translation?.rouge.scores)
        var report = report(result, split)
        report.warnings = warnings
        let answers = hasOneAnswer ? Self.answers(parts, order: evaluator.order) : nil
        if errorCount > 0 { report.wrongSamples = try wrongSamples(errorCount, answers, dataset) }
        return Outcome(report: report, predictions: try answers.map { try predictions($0, dataset) })
    }

    /// Every rank's share, gathered on rank 0.
    private static func parts(
        _ evaluator: Evaluator, _ model: TrainedModel, _ communicator: (any Communicator)?
    ) throws -> [EvaluationPart]? {
        guard let communicator, communicator.worldSize > 1 else {
            return try evaluator.parts(model.parameters)
        }
        let own = try Agreement.reach(communicator) {
            try evaluator.parts(model.parameters, part: communicator.rank, of: communicator.worldSize)
        }
        return try communicator.gather(EvaluationPart.encode(own), to: 0)?.flatMap(EvaluationPart.decode)
    }

    private func report(_ result: EvaluationResult, _ split: CoordinatorPart.Split) -> RunReport {
        RunReport(
            recipeName: model.scenario.recipe.name, split: split.rawValue, step: model.checkpoint.step,
            parameterCount: model.layout.parameterCount, wallSeconds: model.checkpoint.manifest.wallSeconds,
            files: [("run", path), ("checkpoint", model.checkpoint.path)], result: result,
            classNames: model.scenario.fitted.classNames,
            baseline: model.scenario.recipe.baseline.map {
                RunReport.Baseline(name: $0.name, metric: $0.metric.rawValue, value: $0.value)
            })
    }
}
