/// What follows from the probabilities of all samples. Samples are taken in the order of their batches, so that every
/// number has the same bits for every order of arrival and every partition among ranks.
extension ClassificationMetrics {
    /// The curve of a class against all others; nil where undefined.
    public func precisionRecallCurve(ofClass label: Int) -> PrecisionRecallCurve? {
        guard (0..<classCount).contains(label) else { return nil }
        let (labels, probabilities) = (labels, probabilities)
        return PrecisionRecallCurve(
            scores: labels.indices.map { probabilities[$0 * classCount + label] },
            isPositive: labels.map { Int($0) == label })
    }

    /// How far confidence and accuracy lie apart; nil without samples or where a score is not a number.
    public func calibration(binCount: Int = 15) -> Calibration? {
        Calibration(probabilities: probabilities, labels: labels, classCount: classCount, binCount: binCount)
    }

    /// The share of samples whose class is among the `count` classes with the highest scores, the lower number first
    /// where scores are equal; nil without samples. A class whose score is not a number ranks last.
    public func topAccuracy(_ count: Int) -> Double? {
        let (labels, scores) = (labels, rankingScores)
        guard !labels.isEmpty else { return nil }
        let hits = labels.indices.reduce(0) { hits, sample in
            let row = scores[(sample * classCount)..<((sample + 1) * classCount)]
            let label = Int(labels[sample])
            let own = row[row.startIndex + label]
            let better = row.enumerated().reduce(0) { better, other in
                let isBefore = other.element > own || (other.element == own && other.offset < label)
                return better + (isBefore ? 1 : 0)
            }
            return hits + (!own.isNaN && better < count ? 1 : 0)
        }
        return Double(hits) / Double(labels.count)
    }
}

/// How far the confidence of predictions and their accuracy lie apart, over bins of equal width (Guo et al. 2017).
public struct Calibration: Codable, Sendable, Equatable {
    /// The samples whose highest probability lies in (lower, upper].
    public struct Bin: Codable, Sendable, Equatable {
        /// The bin's lower end.
        public var lower: Double
        /// The bin's upper end.
        public var upper: Double
        /// The number of samples.
        public var count: Int
        /// The share of them predicted rightly; 0 without samples.
        public var accuracy: Double
        /// The mean of their highest probability; 0 without samples.
        public var confidence: Double
    }

    /// The bins, from 0 to 1.
    public let bins: [Bin]

    /// The bins of predictions.
    /// - Parameters:
    ///   - probabilities: row-major `[labels.count, classCount]`.
    ///   - labels: class numbers.
    /// - Returns: nil without samples or bins, or where a probability is not a number from 0 to 1.
    public init?(probabilities: [Double], labels: [Int32], classCount: Int, binCount: Int) {
        guard !labels.isEmpty, classCount > 0, (1...10_000).contains(binCount),
            probabilities.count == labels.count * classCount,
            probabilities.allSatisfy({ (0...(1 + 1e-6)).contains($0) })
        else { return nil }
        var (counts, hits) = ([Int](repeating: 0, count: binCount), [Int](repeating: 0, count: binCount))
        var confidences = [[Double]](repeating: [], count: binCount)
        for (sample, label) in labels.enumerated() {
            let row = probabilities[(sample * classCount)..<((sample + 1) * classCount)]
            let highest = row.max() ?? 0
            let predicted = (row.firstIndex(of: highest) ?? 0) - row.startIndex
            // (lower, upper]: an end belongs to the bin below it.
            let bin = min(binCount - 1, max(0, Int((highest * Double(binCount)).rounded(.up)) - 1))
            counts[bin] += 1
            hits[bin] += predicted == Int(label) ? 1 : 0
            confidences[bin].append(highest)
        }
        bins = (0..<binCount).map { bin in
            let count = counts[bin]
            return Bin(
                lower: Double(bin) / Double(binCount), upper: Double(bin + 1) / Double(binCount),
                count: count,
                accuracy: count == 0 ? 0 : Double(hits[bin]) / Double(count),
                confidence: count == 0 ? 0 : CanonicalSum.of(confidences[bin]) / Double(count))
        }
    }

    /// The mean distance of confidence and accuracy, each bin weighted by its samples.
    public var expectedError: Double {
        let total = bins.reduce(0) { $0 + $1.count }
        return bins.reduce(0) { $0 + Double($1.count) / Double(total) * abs($1.accuracy - $1.confidence) }
    }

    /// The largest distance of confidence and accuracy in a bin with samples.
    public var maximumError: Double {
        bins.reduce(0) { $1.count == 0 ? $0 : max($0, abs($1.accuracy - $1.confidence)) }
    }
}
