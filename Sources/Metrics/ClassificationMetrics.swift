import Diagnostics
import Foundation

/// Everything measured on a classification, accumulated batch by batch and mergeable between ranks.
///
/// It keeps the scores of all samples (the area under the curve needs them all), so it takes about
/// `4 · (scoreWidth + 1)` bytes a sample. Any order and partition of the same batches gives the same bits.
public struct ClassificationMetrics: Sendable {
    /// What the scores are.
    public enum ScoreKind: String, Codable, Sendable {
        /// Before softmax or the logistic function.
        case logits
        /// Probabilities; a binary sample has that of class 1.
        case probabilities
    }

    /// `classification` or `binaryClassification`.
    public let task: Task
    /// The number of classes; 2 for a binary classification.
    public let classCount: Int
    /// What the scores are.
    public let scoreKind: ScoreKind
    /// What was accumulated so far.
    public private(set) var parts = EvaluationParts()
    /// How often each class was taken for each class.
    public private(set) var confusion: ConfusionMatrix

    /// How many classes can be measured: the confusion matrix takes `8 · classCount²` bytes.
    public static let classCounts = 1...4_096

    /// Creates metrics of several classes with one score a class.
    ///
    /// - Throws: 65 for a number of classes outside ``classCounts``.
    public init(classCount: Int, scoreKind: ScoreKind = .logits) throws {
        guard Self.classCounts.contains(classCount) else {
            throw LockstepError(
                .badData, "\(classCount) classes cannot be measured",
                remedy: "use \(Self.classCounts.lowerBound) to \(Self.classCounts.upperBound) classes")
        }
        self.init(task: .classification, checkedClassCount: classCount, scoreKind: scoreKind)
    }

    /// Creates metrics of two classes with one score a sample; class 1 is predicted above a probability of
    /// 0.5.
    public static func binary(scoreKind: ScoreKind = .logits) -> ClassificationMetrics {
        ClassificationMetrics(task: .binaryClassification, checkedClassCount: 2, scoreKind: scoreKind)
    }

    private init(task: Task, checkedClassCount classCount: Int, scoreKind: ScoreKind) {
        self.task = task
        self.classCount = classCount
        self.scoreKind = scoreKind
        confusion = ConfusionMatrix(classCount: classCount)
    }

    /// Adds a batch.
    ///
    /// - Throws: 65 where scores and labels do not fit each other or the classes, 78 for a batch counted
    ///   twice.
    public mutating func accumulate(_ part: EvaluationPart) throws {
        let labels = try checkedLabels(of: part)
        try parts.insert(part)
        for (sample, label) in labels.enumerated() {
            confusion.add(truth: Int(label), predicted: predictedClass(part.scores, sample: sample))
        }
    }

    /// Adds a batch from its pieces; see ``accumulate(_:)``.
    public mutating func accumulate(batch: Int, lossSum: Double, scores: [Float], labels: [Int32]) throws {
        try accumulate(EvaluationPart(batch: batch, lossSum: lossSum, scores: scores, labels: labels))
    }

    /// Adds all that another rank accumulated; on an error nothing is added.
    ///
    /// - Throws: 78 where classes or kinds differ, or a batch is in both.
    public mutating func merge(_ other: ClassificationMetrics) throws {
        guard task == other.task, classCount == other.classCount, scoreKind == other.scoreKind else {
            throw LockstepError(
                .mismatch,
                "cannot merge metrics of \(classCount) classes (\(task.rawValue), \(scoreKind.rawValue)) "
                    + "and of \(other.classCount) (\(other.task.rawValue), \(other.scoreKind.rawValue))")
        }
        try parts.merge(other.parts)
        confusion.merge(other.confusion)
    }

    /// The class with the highest score; the lowest number wins a tie. A score that is not a number never
    /// wins.
    func predictedClass(_ scores: [Float], sample: Int) -> Int {
        if task == .binaryClassification {
            return scores[sample] > (scoreKind == .logits ? 0 : 0.5) ? 1 : 0
        }
        let row = sample * classCount
        var best = 0
        for label in 1..<classCount
        where scores[row + label] > scores[row + best] || scores[row + best].isNaN {
            best = label
        }
        return best
    }

    private func checkedLabels(of part: EvaluationPart) throws -> [Int32] {
        guard case .labels(let labels) = part.truth else {
            throw LockstepError(
                .badData, "evaluation batch \(part.batch) has targets where class labels are needed")
        }
        let width = task.scoreWidth(classCount: classCount)
        guard part.scores.count == labels.count * width else {
            throw LockstepError(
                .badData,
                "evaluation batch \(part.batch) has \(part.scores.count) scores for \(labels.count) labels "
                    + "of \(width) scores each",
                remedy: "make the model's last layer \(width) wide, or state the right number of classes")
        }
        if let label = labels.first(where: { $0 < 0 || Int($0) >= classCount }) {
            throw LockstepError(
                .badData,
                "evaluation batch \(part.batch) has label \(label); classes are 0 to \(classCount - 1)",
                remedy: "check the label column, or state the right number of classes")
        }
        return labels
    }
}

extension ClassificationMetrics {
    /// The number of samples.
    public var count: Int { parts.count }

    /// The sum of the loss, by the canonical tree over batches.
    public var lossSum: Double { parts.lossSum }

    /// The mean loss a sample; `nil` without samples.
    public var loss: Double? { count == 0 ? nil : lossSum / Double(count) }

    /// The share of samples predicted rightly; `nil` without samples.
    public var accuracy: Double? { count == 0 ? nil : Double(confusion.correctCount) / Double(count) }

    /// Precision, recall and F1 of every class, and their averages.
    public var classScores: ClassScores { ClassScores(confusion) }

    /// The area under the receiver operating characteristic: of class 1 for two classes with one score, else
    /// the mean of each class against all others. `nil` where undefined.
    public var areaUnderCurve: Double? {
        let (labels, probabilities) = (labels, probabilities)
        if classCount == 2 {
            let ofClassOne =
                task == .binaryClassification
                ? scores.map(Double.init) : labels.indices.map { probabilities[2 * $0 + 1] }
            return AreaUnderCurve.binary(scores: ofClassOne, isPositive: labels.map { $0 == 1 })
        }
        return AreaUnderCurve.oneVersusRest(
            probabilities: probabilities, labels: labels, classCount: classCount)
    }

    /// The true classes in the order of batches.
    var labels: [Int32] {
        parts.sorted.flatMap { part -> [Int32] in
            if case .labels(let labels) = part.truth { labels } else { [] }
        }
    }

    /// The scores as they were given, in the order of batches.
    private var scores: [Float] { parts.sorted.flatMap(\.scores) }

    /// The probability of every class, row-major `[samples, classCount]` in the order of batches.
    var probabilities: [Double] {
        if task == .binaryClassification {
            return scores.flatMap { score -> [Double] in
                let positive = scoreKind == .logits ? 1 / (1 + exp(-Double(score))) : Double(score)
                return [1 - positive, positive]
            }
        }
        return scoreKind == .logits ? softmax(scores) : scores.map(Double.init)
    }

    /// What orders the classes of a sample, `[samples, classCount]`: softmax would round small differences away.
    var rankingScores: [Double] { task == .binaryClassification ? probabilities : scores.map(Double.init) }

    /// Softmax of every row in double precision: across samples the order of logits is not that of
    /// probabilities.
    private func softmax(_ logits: [Float]) -> [Double] {
        var result: [Double] = []
        result.reserveCapacity(logits.count)
        for row in stride(from: 0, to: logits.count, by: classCount) {
            let values = logits[row..<row + classCount].map(Double.init)
            let highest = values.max() ?? 0
            let powers = values.map { exp($0 - highest) }
            let sum = powers.reduce(0, +)
            for power in powers { result.append(power / sum) }
        }
        return result
    }
}

extension ClassificationMetrics: Codable {
    private enum Key: String, CodingKey { case task, classCount, scoreKind, parts }

    /// Reads metrics, checking and counting every part again.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let task = try container.decode(Task.self, forKey: .task)
        let classCount = try container.decode(Int.self, forKey: .classCount)
        let scoreKind = try container.decode(ScoreKind.self, forKey: .scoreKind)
        switch (task, classCount) {
        case (.classification, _): try self.init(classCount: classCount, scoreKind: scoreKind)
        case (.binaryClassification, 2): self = .binary(scoreKind: scoreKind)
        default:
            throw LockstepError(.badData, "\(classCount) classes of a \(task.rawValue) cannot be measured")
        }
        for part in try container.decode(EvaluationParts.self, forKey: .parts).sorted { try accumulate(part) }
    }

    /// Writes the kind and the parts; all else follows from them.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(task, forKey: .task)
        try container.encode(classCount, forKey: .classCount)
        try container.encode(scoreKind, forKey: .scoreKind)
        try container.encode(parts, forKey: .parts)
    }
}
