/// Where a training run stands: all that a resume needs besides tensors.
public struct TrainingState: Codable, Sendable, Equatable {
    /// Optimizer updates done, skipped ones included.
    public var step: Int
    /// Epochs finished.
    public var epoch: Int
    /// Samples consumed since the start of the run: the data cursor.
    public var samplesSeen: Int
    /// The seed of every random number.
    public var seed: UInt64
    /// V: into how many logical shards a step is cut.
    public var logicalShards: Int
    /// Updates that the optimizer applied: its own step count.
    public var optimizerStep: Int
    /// Steps skipped because of numbers that were not finite, in all.
    public var skippedSteps: Int
    /// Steps skipped in a row up to now.
    public var skippedStepsInARow: Int
    /// The evaluation metric that decides what is best, for instance `loss`.
    public var metricName: String?
    /// The best value of that metric so far.
    public var bestValue: Double?
    /// The step of the best value.
    public var bestStep: Int?
    /// Evaluations since the best one.
    public var patienceCounter: Int
    /// An evaluation whose result takes effect at the next boundary.
    public var pendingEvaluation: PendingEvaluation?
    /// Whether early stopping ended the run here.
    public var isStoppedEarly = false

    /// An evaluation that is done, or under way, and has not taken effect yet.
    public struct PendingEvaluation: Codable, Sendable, Equatable {
        /// The step that was evaluated.
        public var step: Int
        /// Its metrics by name; `nil` while they are being computed.
        public var values: [String: Double]?

        /// Creates a pending evaluation.
        public init(step: Int, values: [String: Double]? = nil) {
            self.step = step
            self.values = values
        }
    }

    /// Creates a state; that of a fresh run by default.
    public init(
        step: Int = 0, epoch: Int = 0, samplesSeen: Int = 0, seed: UInt64, logicalShards: Int,
        optimizerStep: Int = 0, skippedSteps: Int = 0, skippedStepsInARow: Int = 0, metricName: String? = nil,
        bestValue: Double? = nil, bestStep: Int? = nil, patienceCounter: Int = 0,
        pendingEvaluation: PendingEvaluation? = nil
    ) {
        self.step = step
        self.epoch = epoch
        self.samplesSeen = samplesSeen
        self.seed = seed
        self.logicalShards = logicalShards
        self.optimizerStep = optimizerStep
        self.skippedSteps = skippedSteps
        self.skippedStepsInARow = skippedStepsInARow
        self.metricName = metricName
        self.bestValue = bestValue
        self.bestStep = bestStep
        self.patienceCounter = patienceCounter
        self.pendingEvaluation = pendingEvaluation
    }

    /// Whether every count is possible at all.
    var isPlausible: Bool {
        [step, epoch, samplesSeen, optimizerStep, skippedSteps, skippedStepsInARow, patienceCounter]
            .allSatisfy { $0 >= 0 } && logicalShards > 0 && optimizerStep <= step && bestStep ?? 0 <= step
    }
}
