/// The shares of negative and of positive samples that are taken for positive as the threshold on the score falls: the
/// points of scikit-learn's `roc_curve`, those on a straight line between others left out. Counted in whole numbers,
/// so its bits depend on no order.
public struct ROCCurve: Codable, Sendable, Equatable {
    /// A sample is taken for positive where its score is at least the threshold; falling, the first one infinite.
    public let thresholds: [Double]
    /// The share of negative samples taken for positive, one a threshold.
    public let falsePositiveRate: [Double]
    /// The share of positive samples taken for positive, one a threshold.
    public let truePositiveRate: [Double]

    /// The curve of scores.
    /// - Parameters:
    ///   - scores: one a sample, higher for likelier positives.
    ///   - isPositive: one a sample.
    /// - Returns: nil where one of the classes is absent or a score is not a number.
    public init?(scores: [Double], isPositive: [Bool]) {
        let positiveCount = isPositive.reduce(0) { $0 + ($1 ? 1 : 0) }
        let negativeCount = isPositive.count - positiveCount
        guard scores.count == isPositive.count, positiveCount > 0, negativeCount > 0,
            !scores.contains(where: \.isNaN)
        else { return nil }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var points = [Point(threshold: .infinity, positives: 0, negatives: 0)]
        var (positives, negatives, start) = (0, 0, 0)
        while start < order.count {
            let score = scores[order[start]]
            while start < order.count, scores[order[start]] == score {
                if isPositive[order[start]] { positives += 1 } else { negatives += 1 }
                start += 1
            }
            points.append(Point(threshold: score, positives: positives, negatives: negatives))
        }
        let corners = Self.corners(points)
        thresholds = corners.map(\.threshold)
        falsePositiveRate = corners.map { Double($0.negatives) / Double(negativeCount) }
        truePositiveRate = corners.map { Double($0.positives) / Double(positiveCount) }
    }

    private struct Point {
        var threshold: Double
        var positives: Int
        var negatives: Int
    }

    /// The points without those whose steps before and after are equal. The point at infinity is not one of the scores:
    /// scikit-learn adds it after it has left points out, so the first score always stays.
    private static func corners(_ points: [Point]) -> [Point] {
        points.indices.filter { index in
            guard index > 1, index < points.count - 1 else { return true }
            let (before, here, after) = (points[index - 1], points[index], points[index + 1])
            return here.positives - before.positives != after.positives - here.positives
                || here.negatives - before.negatives != after.negatives - here.negatives
        }.map { points[$0] }
    }
}
