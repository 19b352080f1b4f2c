import NeuralNetworks
import Recipes

/// How a run is launched, beside its recipe.
public struct TrainOptions: @unchecked Sendable {
    /// The recipe's file; read by rank 0 alone.
    public var recipePath: String
    /// `key=value` texts that win over the file.
    public var overrides: [String] = []
    /// Whether to go on from the newest checkpoint.
    public var isResumed = false
    /// With `isResumed`: starts afresh where the folder holds no run yet, as folds after an interrupted one need it.
    public var resumesIfThere = false
    /// The run's folder; `runs/NAME` where nothing is given.
    public var output: String?
    /// Ends this launch after a global step, with a checkpoint, without changing the schedule.
    public var maxSteps: Int?
    /// Lanes of each rank; as many as there are cores for it where nothing is given.
    public var lanes: Int?
    /// Who is the coordinator, if not as the recipe says.
    public var coordinator: CoordinatorPart.Mode?
    /// Whether rank 0 prints nothing but the result as JSON.
    public var printsJSON = false
    /// Whether rank 0 prints progress and notes to standard error.
    public var isQuiet = false
    /// Whether a classical model is trained on the same samples and set beside the result.
    public var trainsBaseline = false
    /// A model written in Swift instead of the recipe's.
    public var model: (any Layer)?

    /// Options for a recipe.
    public init(recipePath: String) { self.recipePath = recipePath }
}

/// How a run, or a launch of it, ended.
public struct TrainOutcome: Sendable {
    /// Why training ended.
    public enum End: String, Sendable {
        /// All planned steps are done.
        case completed
        /// Early stopping ended it.
        case stoppedEarly
        /// `--max-steps` ended this launch.
        case stepLimit
        /// A signal asked for it.
        case preempted
    }

    /// Why training ended.
    public var end: End
    /// Steps done in all.
    public var step: Int
    /// The run's folder; empty on ranks other than 0.
    public var folder: String
    /// The metrics of the final evaluation; on rank 0 of a finished run.
    public var metrics: [String: Double] = [:]
    /// The metrics of the classical model, where one was asked for; on rank 0 of a finished run.
    public var baselineMetrics: [String: Double] = [:]
    /// What the classical model is.
    public var baselineName: String?
    /// The final hash of the last checkpoint; on rank 0.
    public var finalHash: String?
    /// The report for people; on rank 0 of a finished run.
    public var report: String?

    /// Whether the run is finished rather than interrupted.
    public var isFinished: Bool { end == .completed || end == .stoppedEarly }
}
