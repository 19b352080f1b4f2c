/// The area under the receiver operating characteristic, exact in the presence of ties.
///
/// It is the share of pairs (positive sample, negative sample) in which the positive one scores higher, a tie
/// counting half (Mann and Whitney's U). Counted in integers, so its bits depend on no order.
public enum AreaUnderCurve {
    /// The area for two classes.
    ///
    /// - Parameters:
    ///   - scores: one a sample, higher for likelier positives.
    ///   - isPositive: one a sample.
    /// - Returns: `nil` where one of the classes is absent or a score is not a number.
    public static func binary(scores: [Double], isPositive: [Bool]) -> Double? {
        guard scores.count == isPositive.count, !scores.contains(where: \.isNaN) else { return nil }
        let positiveCount = isPositive.reduce(0) { $0 + ($1 ? 1 : 0) }
        let negativeCount = isPositive.count - positiveCount
        guard positiveCount > 0, negativeCount > 0 else { return nil }

        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var negativesBelow = 0
        var halfWins = 0
        var start = 0
        while start < order.count {
            var (positives, negatives) = (0, 0)
            var end = start
            while end < order.count, scores[order[end]] == scores[order[start]] {
                if isPositive[order[end]] { positives += 1 } else { negatives += 1 }
                end += 1
            }
            halfWins += positives * (2 * negativesBelow + negatives)
            negativesBelow += negatives
            start = end
        }
        return Double(halfWins) / (2 * Double(positiveCount) * Double(negativeCount))
    }

    /// The plain mean over classes of the area of each class against all others (one versus rest, macro).
    ///
    /// - Parameters:
    ///   - probabilities: row-major `[labels.count, classCount]`.
    ///   - labels: class numbers.
    /// - Returns: `nil` where the area of any class is undefined.
    public static func oneVersusRest(probabilities: [Double], labels: [Int32], classCount: Int) -> Double? {
        guard classCount > 0, probabilities.count == labels.count * classCount else { return nil }
        var sum = 0.0
        for label in 0..<classCount {
            let column = labels.indices.map { probabilities[$0 * classCount + label] }
            guard let area = binary(scores: column, isPositive: labels.map { $0 == Int32(label) }) else {
                return nil
            }
            sum += area
        }
        return sum / Double(classCount)
    }
}
