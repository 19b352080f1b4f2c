/// Precision and recall of one class as the threshold on its score rises: the points of scikit-learn's
/// `precision_recall_curve`. Counted in whole numbers, so its bits depend on no order.
public struct PrecisionRecallCurve: Codable, Sendable, Equatable {
    /// The scores that occur, rising: a sample is taken for positive where its score is at least the threshold.
    public let thresholds: [Double]
    /// One a threshold, and 1 at the end.
    public let precision: [Double]
    /// One a threshold, and 0 at the end.
    public let recall: [Double]

    /// The curve of scores.
    /// - Parameters:
    ///   - scores: one a sample, higher for likelier positives.
    ///   - isPositive: one a sample.
    /// - Returns: nil where there is no positive sample or a score is not a number.
    public init?(scores: [Double], isPositive: [Bool]) {
        let positiveCount = isPositive.reduce(0) { $0 + ($1 ? 1 : 0) }
        guard scores.count == isPositive.count, positiveCount > 0, !scores.contains(where: \.isNaN) else {
            return nil
        }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var (thresholds, precision, recall): ([Double], [Double], [Double]) = ([], [1], [0])
        var (hits, taken, start) = (0, 0, 0)
        while start < order.count {
            let score = scores[order[start]]
            while start < order.count, scores[order[start]] == score {
                hits += isPositive[order[start]] ? 1 : 0
                taken += 1
                start += 1
            }
            thresholds.append(score)
            precision.append(Double(hits) / Double(taken))
            recall.append(Double(hits) / Double(positiveCount))
        }
        self.thresholds = thresholds.reversed()
        self.precision = precision.reversed()
        self.recall = recall.reversed()
    }

    /// The mean of the precisions weighted by the rise of recall: scikit-learn's `average_precision_score`.
    public var averagePrecision: Double {
        zip(recall.indices.dropLast(), precision).reduce(0) { sum, point in
            sum + (recall[point.0] - recall[point.0 + 1]) * point.1
        }
    }
}
