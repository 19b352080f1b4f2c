import Diagnostics
import Foundation
import Recipes

/// What a sweep tries and how.
public struct SweepOptions: Sendable {
    /// The recipe's file.
    public var recipePath: String
    /// `key=value` texts for all trials.
    public var overrides: [String] = []
    /// The keys that differ between trials.
    public var axes: [SweepAxis]
    /// How many combinations are drawn; nil tries all.
    public var randomCount: Int?
    /// Chooses the combinations that are drawn.
    public var seed: UInt64 = 0
    /// The metric on the validation split that decides; nil takes the recipe's.
    public var metric: String?
    /// Whether bad trials are stopped early, by successive halving.
    public var halves = false
    /// How many trials a surviving one stands for.
    public var factor = 3
    /// The sweep's folder.
    public var output: String
    /// Trials at once on this rank; nil for as many as there are cores for.
    public var parallel: Int?
    /// Lanes of each trial.
    public var lanes = 1
    /// The program that trains.
    public var program: String

    /// Options for a recipe.
    public init(recipePath: String, axes: [SweepAxis], output: String, program: String) {
        (self.recipePath, self.axes, self.output, self.program) = (recipePath, axes, output, program)
    }
}

/// A sweep made concrete: its trials, their steps, and what decides.
struct SweepPlan: Sendable {
    /// A trial: the settings that differ from the recipe's.
    struct Trial: Sendable {
        var number: Int
        var settings: [String]
        /// Steps of its whole training.
        var totalSteps: Int
    }

    let trials: [Trial]
    let metric: String
    /// Stretches of training between which bad trials are stopped; 1 trains all to the end.
    let rungCount: Int
    let factor: Int
    /// What must be the same for a sweep to go on.
    let identity: [String: String]

    /// - Parameter stepCount: the steps that a recipe trains.
    /// - Throws: 2 for settings that the recipe refuses, a metric that the task lacks, or a recipe without validation
    ///   rows.
    init(_ options: SweepOptions, stepCount: (Recipe) throws -> Int) throws {
        let base = try Recipe(contentsOf: options.recipePath, overrides: options.overrides)
        guard base.data.hasValidation else {
            throw LockstepError(
                .usage, "a sweep chooses by the validation split, and this recipe has no validation rows",
                at: FileLocation(options.recipePath), remedy: Self.validationRemedy(base))
        }
        let settings =
            try options.randomCount.map {
                try SweepSpace.random(options.axes, count: $0, seed: options.seed)
            } ?? SweepSpace.grid(options.axes)
        trials = try settings.enumerated().map { index, own in
            let recipe = try Recipe(
                contentsOf: options.recipePath, overrides: options.overrides + own)
            return Trial(number: index + 1, settings: own, totalSteps: try stepCount(recipe))
        }
        metric = try Self.metric(options.metric, base)
        factor = options.factor
        rungCount = options.halves ? Self.rungCount(trials, factor: factor) : 1
        identity = [
            "recipe": base.hashInput,
            "over": settings.map { $0.joined(separator: " ") }.joined(separator: "\n"),
            "metric": metric, "rungs": String(rungCount), "factor": String(factor),
            "steps": trials.map { String($0.totalSteps) }.joined(separator: " "),
        ]
    }

    private static func validationRemedy(_ recipe: Recipe) -> String {
        switch recipe.data.split.kind {
        case .ranges:
            return "give it some of the training rows, for instance --set data.split.train=0..900 "
                + "--set data.split.validation=900..1000"
        default: return "give it a share of the rows: --set data.split.validation=0.1"
        }
    }

    private static func metric(_ asked: String?, _ recipe: Recipe) throws -> String {
        let standard = recipe.coordinator.earlyStopping?.metric.rawValue ?? "loss"
        guard let asked else { return standard }
        guard SweepMetric.names.contains(asked) else {
            throw LockstepError(
                .usage, "no metric '\(asked)'",
                remedy: Suggestions.remedy(for: asked, among: SweepMetric.names))
        }
        return asked
    }

    /// As many rungs as leave one trial in the end, and the first at least a step long.
    private static func rungCount(_ trials: [Trial], factor: Int) -> Int {
        var (count, alive, shortest) = (1, trials.count, trials.map(\.totalSteps).min() ?? 1)
        while alive > 1, shortest >= factor {
            alive = (alive + factor - 1) / factor
            shortest /= factor
            count += 1
        }
        return count
    }

    /// The step up to which a trial trains in a rung, counted from 0: each rung is `factor` times as long as the one
    /// before, and the last ends the training.
    func lastStep(_ trial: Trial, rung: Int) -> Int {
        var steps = trial.totalSteps
        for _ in (rung + 1)..<max(rung + 1, rungCount) { steps /= factor }
        return max(1, steps)
    }

    /// How many of the trials of a rung go on to the next.
    func survivorCount(of count: Int) -> Int { (count + factor - 1) / factor }
}

/// What trials are judged by.
enum SweepMetric {
    private static let smallerIsBetter = ["loss", "mse", "rmse", "mae", "perplexity"]
    static let names =
        smallerIsBetter + [
            "accuracy", "macroF1", "weightedF1", "macroPrecision", "macroRecall", "auc", "r2", "bleu",
        ]

    /// Whether one value is better than another; any is better than none.
    static func isBetter(_ metric: String, _ one: Double?, than other: Double?) -> Bool {
        guard let one else { return false }
        guard let other else { return true }
        return smallerIsBetter.contains(metric) ? one < other : one > other
    }
}
