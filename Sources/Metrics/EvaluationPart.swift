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
        /// How many tokens there were, and of how many the likeliest was right: for texts, whose scores are too many to
        /// keep.
        case tokens(count: Int, right: Int)

        /// The number of samples.
        public var count: Int {
            switch self {
            case .labels(let labels): labels.count
            case .targets(let targets): targets.count
            case .tokens(let count, _): count
            }
        }
    }

    /// The number of samples; of tokens where it holds those.
    public var count: Int { truth.count }

    /// A part of a classification: `scores` is `[labels.count, scoreWidth]`.
    public init(batch: Int, lossSum: Double, scores: [Float], labels: [Int32]) {
        self.batch = batch
        self.lossSum = lossSum
        self.scores = scores
        self.truth = .labels(labels)
    }

    /// A part of a text: sums over its tokens.
    public init(batch: Int, lossSum: Double, tokenCount: Int, rightCount: Int) {
        self.batch = batch
        self.lossSum = lossSum
        scores = []
        truth = .tokens(count: tokenCount, right: rightCount)
    }

    /// A part of a regression: one score a target.
    public init(batch: Int, lossSum: Double, scores: [Float], targets: [Float]) {
        self.batch = batch
        self.lossSum = lossSum
        self.scores = scores
        self.truth = .targets(targets)
    }
}
