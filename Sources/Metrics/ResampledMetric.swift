import Diagnostics
import Foundation

/// A metric of fixed predictions as a function of how often each sample counts: all that does not depend on that is
/// computed once.
struct ResampledMetric: Sendable {
    private enum Kind {
        /// The mean of a number a sample, or its square root.
        case mean([Double], isRoot: Bool)
        /// The mean of F1 over the classes.
        case macroF1(truth: [Int32], predicted: [Int32], classCount: Int)
        /// The mean area under the curves of the rankings.
        case areas([Ranking])
        /// The coefficient of determination.
        case determination(squaredErrors: [Double], targets: [Double])
    }

    /// The samples of a class against all others, by rising score.
    private struct Ranking {
        var order: [Int]
        var isPositive: [Bool]
        /// Whether the score of a place in the order is above that of the place before it.
        var startsGroup: [Bool]
    }

    private let kind: Kind

    /// - Throws: 2 for a metric that the task does not have.
    init(_ metric: ComparedMetric, of predictions: SamplePredictions) throws {
        let allowed = ComparedMetric.all(of: predictions.task)
        guard allowed.contains(metric) else {
            throw LockstepError(
                .usage, "a \(predictions.task.rawValue) has no metric '\(metric.rawValue)'",
                remedy: "use one of: " + allowed.map(\.rawValue).joined(separator: ", "))
        }
        switch predictions.truth {
        case .labels: kind = try Self.classification(metric, predictions)
        case .targets(let targets): kind = Self.regression(metric, predictions.scores, targets)
        case .tokens:
            throw LockstepError(
                .usage, "texts keep no predictions of samples", remedy: "compare their reports")
        }
    }

    private static func classification(_ metric: ComparedMetric, _ predictions: SamplePredictions) throws
        -> Kind
    {
        var metrics =
            predictions.task == .binaryClassification
            ? ClassificationMetrics.binary() : try ClassificationMetrics(classCount: predictions.classCount)
        try metrics.accumulate(predictions.part)
        let labels = metrics.labels
        let predicted = labels.indices.map { Int32(metrics.predictedClass(predictions.scores, sample: $0)) }
        switch metric {
        case .macroF1: return .macroF1(truth: labels, predicted: predicted, classCount: metrics.classCount)
        case .auc: return .areas(rankings(metrics))
        case .loss:
            let losses = labels.indices.map { sample in
                crossEntropy(predictions.scores, sample, Int(labels[sample]), metrics)
            }
            return .mean(losses, isRoot: false)
        default: return .mean(zip(labels, predicted).map { $0 == $1 ? 1 : 0 }, isRoot: false)
        }
    }

    /// In nats, from the logits, without the rounding of probabilities near 0.
    private static func crossEntropy(
        _ scores: [Float], _ sample: Int, _ label: Int, _ metrics: ClassificationMetrics
    ) -> Double {
        if metrics.task == .binaryClassification {
            let logit = Double(scores[sample]) * (label == 1 ? 1 : -1)
            return max(0, -logit) + log1p(exp(-abs(logit)))
        }
        let width = metrics.classCount
        let row = scores[(sample * width)..<((sample + 1) * width)].map(Double.init)
        let highest = row.max() ?? 0
        return highest + log(row.reduce(0) { $0 + exp($1 - highest) }) - row[label]
    }

    private static func rankings(_ metrics: ClassificationMetrics) -> [Ranking] {
        let (labels, probabilities, width) = (metrics.labels, metrics.probabilities, metrics.classCount)
        let classes = width == 2 ? 1..<2 : 0..<width
        return classes.map { label in
            let scores = labels.indices.map { probabilities[$0 * width + label] }
            let order = scores.indices.sorted { scores[$0] < scores[$1] }
            let startsGroup = order.indices.map { $0 == 0 || scores[order[$0]] != scores[order[$0 - 1]] }
            return Ranking(
                order: order, isPositive: labels.map { Int($0) == label }, startsGroup: startsGroup)
        }
    }

    private static func regression(_ metric: ComparedMetric, _ scores: [Float], _ targets: [Float]) -> Kind {
        let errors = zip(scores, targets).map { Double($1) - Double($0) }
        let squares = errors.map { $0 * $0 }
        switch metric {
        case .mae: return .mean(errors.map { abs($0) }, isRoot: false)
        case .rmse: return .mean(squares, isRoot: true)
        case .r2: return .determination(squaredErrors: squares, targets: targets.map(Double.init))
        default: return .mean(squares, isRoot: false)
        }
    }

    /// The metric where sample i counts `weights[i]` times; not a number where it is undefined.
    func value(_ weights: UnsafeBufferPointer<Int32>) -> Double {
        switch kind {
        case .mean(let values, let isRoot):
            let mean = Self.mean(values, weights)
            return isRoot ? mean.squareRoot() : mean
        case .macroF1(let truth, let predicted, let classCount):
            return Self.macroF1(truth, predicted, classCount, weights)
        case .areas(let rankings):
            return rankings.reduce(0) { $0 + Self.area($1, weights) } / Double(rankings.count)
        case .determination(let squaredErrors, let targets):
            let mean = Self.mean(targets, weights)
            let spread = Self.mean(targets.map { ($0 - mean) * ($0 - mean) }, weights)
            let residual = Self.mean(squaredErrors, weights)
            return spread == 0 ? (residual == 0 ? 1 : 0) : 1 - residual / spread
        }
    }

    private static func mean(_ values: [Double], _ weights: UnsafeBufferPointer<Int32>) -> Double {
        var (sum, count) = (0.0, 0)
        for index in values.indices where weights[index] > 0 {
            sum += Double(weights[index]) * values[index]
            count += Int(weights[index])
        }
        return sum / Double(count)
    }

    private static func macroF1(
        _ truth: [Int32], _ predicted: [Int32], _ classCount: Int, _ weights: UnsafeBufferPointer<Int32>
    ) -> Double {
        var (hits, occurrences) = (
            [Int](repeating: 0, count: classCount), [Int](repeating: 0, count: classCount)
        )
        for index in truth.indices {
            let weight = Int(weights[index])
            occurrences[Int(truth[index])] += weight
            occurrences[Int(predicted[index])] += weight
            if truth[index] == predicted[index] { hits[Int(truth[index])] += weight }
        }
        let sum = (0..<classCount).reduce(0.0) { sum, label in
            sum + (occurrences[label] == 0 ? 0 : 2 * Double(hits[label]) / Double(occurrences[label]))
        }
        return sum / Double(classCount)
    }

    /// As ``AreaUnderCurve/binary(scores:isPositive:)``, over a ranking made once.
    private static func area(_ ranking: Ranking, _ weights: UnsafeBufferPointer<Int32>) -> Double {
        var (halfWins, below, positives, negatives, allPositives) = (0, 0, 0, 0, 0)
        func closeGroup() {
            halfWins += positives * (2 * below + negatives)
            below += negatives
            allPositives += positives
            (positives, negatives) = (0, 0)
        }
        for (place, sample) in ranking.order.enumerated() {
            if ranking.startsGroup[place] { closeGroup() }
            let weight = Int(weights[sample])
            if ranking.isPositive[sample] { positives += weight } else { negatives += weight }
        }
        closeGroup()
        guard allPositives > 0, below > 0 else { return .nan }
        return Double(halfWins) / (2 * Double(allPositives) * Double(below))
    }
}
