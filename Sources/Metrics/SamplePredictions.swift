import Diagnostics

/// What a model said of every sample of a split, enough to measure any metric again, or again and again over samples
/// drawn anew.
public struct SamplePredictions: Sendable, Equatable {
    /// What was evaluated.
    public let task: Task
    /// The number of classes; 1 for a regression.
    public let classCount: Int
    /// Logits or predictions, row-major `[samples, scoreWidth]`.
    public let scores: [Float]
    /// The true answers.
    public let truth: EvaluationPart.Truth
    /// A number a sample that tells it from others: runs can be compared where these are equal.
    public let identities: [UInt64]

    /// Predictions of samples.
    /// - Throws: 65 where numbers do not fit each other.
    public init(
        task: Task, classCount: Int, scores: [Float], truth: EvaluationPart.Truth, identities: [UInt64]
    ) throws {
        let width = task.scoreWidth(classCount: classCount)
        let hasLabels = if case .labels = truth { true } else { false }
        guard identities.count == truth.count, scores.count == truth.count * width, !identities.isEmpty,
            hasLabels == (task != .regression), task != .tokens
        else {
            throw LockstepError(
                .badData,
                "\(scores.count) scores and \(truth.count) answers for \(identities.count) samples of a "
                    + task.rawValue)
        }
        (self.task, self.classCount, self.scores) = (task, classCount, scores)
        (self.truth, self.identities) = (truth, identities)
    }

    /// The number of samples.
    public var count: Int { identities.count }

    /// All metrics of the predictions, the loss computed from the scores.
    /// - Throws: 65 where scores do not fit the answers.
    public func result() throws -> EvaluationResult {
        let ones = [Int32](repeating: 1, count: count)
        let loss = try ones.withUnsafeBufferPointer { try ResampledMetric(.loss, of: self).value($0) }
        var part = part
        part.lossSum = loss * Double(count)
        return try EvaluationResult(task: task, classCount: classCount, parts: [part])
    }

    /// All samples as one batch of an evaluation, without a loss.
    var part: EvaluationPart {
        switch truth {
        case .labels(let labels): EvaluationPart(batch: 0, lossSum: 0, scores: scores, labels: labels)
        case .targets(let targets): EvaluationPart(batch: 0, lossSum: 0, scores: scores, targets: targets)
        case .tokens(let count, let right):
            EvaluationPart(batch: 0, lossSum: 0, tokenCount: count, rightCount: right)
        }
    }
}

/// A metric by which runs can be compared sample by sample.
public enum ComparedMetric: String, Sendable, CaseIterable {
    /// The share of samples predicted rightly.
    case accuracy
    /// The plain mean of F1 over classes.
    case macroF1
    /// The area under the receiver operating characteristic; the mean of one versus rest for several classes.
    case auc
    /// The mean cross-entropy of a classification in nats, or the mean squared error of a regression.
    case loss
    /// The mean squared error.
    case mse
    /// The square root of the mean squared error.
    case rmse
    /// The mean absolute error.
    case mae
    /// The coefficient of determination.
    case r2

    /// Whether larger is better.
    public var isBetterLarger: Bool { [.accuracy, .macroF1, .auc, .r2].contains(self) }

    /// The metrics of a task, the usual one first.
    public static func all(of task: Task) -> [ComparedMetric] {
        task == .regression ? [.mse, .rmse, .mae, .r2, .loss] : [.accuracy, .macroF1, .auc, .loss]
    }
}
