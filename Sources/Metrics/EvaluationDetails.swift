/// What an evaluation measures on request, beyond the numbers that every evaluation of a training run has.
public struct EvaluationDetails: Codable, Sendable, Equatable {
    /// How well the scores of a class tell its samples from all others. What is undefined is `nil`.
    public struct ClassCurves: Codable, Sendable, Equatable {
        /// The area under the receiver operating characteristic.
        public var auc: Double?
        /// The mean of the precisions weighted by the rise of recall.
        public var averagePrecision: Double?
        /// The receiver operating characteristic.
        public var roc: ROCCurve?
        /// Precision against recall.
        public var precisionRecall: PrecisionRecallCurve?
    }

    /// The share of samples whose class is among those with the highest scores.
    public struct TopAccuracy: Codable, Sendable, Equatable {
        /// How many classes count.
        public var k: Int
        /// The share.
        public var accuracy: Double
    }

    /// The most classes of which curves are kept: a curve has a point for nearly every sample.
    public static let curveClassLimit = 100

    /// The curves by class number; none for more than ``curveClassLimit`` classes, or for a regression.
    public var curves: [ClassCurves] = []
    /// The mean distance of confidence and accuracy over 15 bins of equal width.
    public var expectedCalibrationError: Double?
    /// The largest distance of confidence and accuracy in a bin.
    public var maximumCalibrationError: Double?
    /// The bins of confidence.
    public var calibrationBins: [Calibration.Bin] = []
    /// For the highest 1, 2, 3 and 5 scores, as far as there are more classes; empty for two classes.
    public var topAccuracy: [TopAccuracy] = []
    /// The errors of a regression.
    public var errors: RegressionErrors?

    /// Measures a classification.
    public init(_ metrics: ClassificationMetrics) {
        let calibration = metrics.calibration()
        expectedCalibrationError = calibration?.expectedError
        maximumCalibrationError = calibration?.maximumError
        calibrationBins = calibration?.bins ?? []
        if metrics.classCount > 2 {
            topAccuracy = [1, 2, 3, 5].filter { $0 < metrics.classCount }.compactMap { k in
                metrics.topAccuracy(k).map { TopAccuracy(k: k, accuracy: $0) }
            }
        }
        guard metrics.classCount <= Self.curveClassLimit else { return }
        let (labels, probabilities) = (metrics.labels, metrics.probabilities)
        curves = (0..<metrics.classCount).map { label in
            let scores = labels.indices.map { probabilities[$0 * metrics.classCount + label] }
            let isPositive = labels.map { Int($0) == label }
            let precisionRecall = PrecisionRecallCurve(scores: scores, isPositive: isPositive)
            return ClassCurves(
                auc: AreaUnderCurve.binary(scores: scores, isPositive: isPositive),
                averagePrecision: precisionRecall?.averagePrecision,
                roc: ROCCurve(scores: scores, isPositive: isPositive), precisionRecall: precisionRecall)
        }
    }

    /// Measures a regression.
    public init(_ metrics: RegressionMetrics) { errors = RegressionErrors(metrics) }
}

/// Errors of a regression beyond means of squares and distances, as scikit-learn has them.
public struct RegressionErrors: Codable, Sendable, Equatable {
    /// The largest distance of a prediction from its target.
    public var maximum: Double
    /// The median distance.
    public var median: Double
    /// The mean distance as a share of the target; targets nearer to 0 than 2⁻⁵² count as that.
    public var meanAbsolutePercentage: Double
    /// 1 − the variance of the errors / the variance of the targets: 1 where both are 0, 0 where only the errors vary.
    public var explainedVariance: Double

    /// The errors of all samples; nil without one.
    public init?(_ metrics: RegressionMetrics) {
        var (predictions, targets): ([Double], [Double]) = ([], [])
        for part in metrics.parts.sorted {
            guard case .targets(let truth) = part.truth else { continue }
            predictions += part.scores.map(Double.init)
            targets += truth.map(Double.init)
        }
        guard !targets.isEmpty else { return nil }
        let errors = zip(targets, predictions).map { $0 - $1 }
        let distances = errors.map { abs($0) }.sorted()
        maximum = distances[distances.count - 1]
        median = (distances[(distances.count - 1) / 2] + distances[distances.count / 2]) / 2
        let shares = zip(errors, targets).map { abs($0) / max(abs($1), 0x1p-52) }
        meanAbsolutePercentage = CanonicalSum.of(shares) / Double(shares.count)
        let (spread, left) = (Self.variance(targets), Self.variance(errors))
        explainedVariance = spread == 0 ? (left == 0 ? 1 : 0) : 1 - left / spread
    }

    private static func variance(_ values: [Double]) -> Double {
        let mean = CanonicalSum.of(values) / Double(values.count)
        return CanonicalSum.of(values.map { ($0 - mean) * ($0 - mean) }) / Double(values.count)
    }
}
