/// What one batch adds to an evaluation: enough to compute every metric later, wherever the batch was
/// computed.
///
/// Parts travel between ranks and may arrive in any order; see ``EvaluationParts``.
public struct EvaluationPart: Codable, Sendable, Equatable {
    /// The batch's number in the evaluation, from 0, the same for any number of ranks.
    public var batch: Int
    /// The unnormalised sum of the loss over the batch's samples.
    public var lossSum: Double
    /// Logits or predictions, row-major `[samples, scoreWidth]`.
    public var scores: [Float]
    /// What the scores are compared with, one a sample.
    public var truth: Truth

    /// The true answers of a batch.
    public enum Truth: Codable, Sendable, Equatable {
        /// Class numbers from 0.
        case labels([Int32])
        /// Numbers to predict.
        case targets([Float])

        /// The number of samples.
        public var count: Int {
            switch self {
            case .labels(let labels): labels.count
            case .targets(let targets): targets.count
            }
        }
    }

    /// The number of samples.
    public var count: Int { truth.count }

    /// A part of a classification: `scores` is `[labels.count, scoreWidth]`.
    public init(batch: Int, lossSum: Double, scores: [Float], labels: [Int32]) {
        self.batch = batch
        self.lossSum = lossSum
        self.scores = scores
        self.truth = .labels(labels)
    }

    /// A part of a regression: one score a target.
    public init(batch: Int, lossSum: Double, scores: [Float], targets: [Float]) {
        self.batch = batch
        self.lossSum = lossSum
        self.scores = scores
        self.truth = .targets(targets)
    }
}
