import Diagnostics

/// Everything measured on a regression, accumulated batch by batch and mergeable between ranks.
///
/// Sums run within a batch first and then over batches by the canonical tree, so any order and partition of
/// the same batches gives the same bits.
public struct RegressionMetrics: Sendable {
    /// What was accumulated so far.
    public private(set) var parts = EvaluationParts()

    /// Creates empty metrics.
    public init() {}

    /// Adds a batch.
    ///
    /// - Throws: 65 where predictions and targets differ in number, 78 for a batch counted twice.
    public mutating func accumulate(_ part: EvaluationPart) throws {
        guard case .targets(let targets) = part.truth else {
            throw LockstepError(
                .badData, "evaluation batch \(part.batch) has class labels where targets are needed")
        }
        guard targets.count == part.scores.count else {
            throw LockstepError(
                .badData,
                "evaluation batch \(part.batch) has \(part.scores.count) predictions "
                    + "for \(targets.count) targets",
                remedy: "a regression needs one prediction a sample: make the model's last layer 1 wide")
        }
        try parts.insert(part)
    }

    /// Adds a batch from its pieces; see ``accumulate(_:)``.
    public mutating func accumulate(
        batch: Int, lossSum: Double, predictions: [Float], targets: [Float]
    ) throws {
        try accumulate(EvaluationPart(batch: batch, lossSum: lossSum, scores: predictions, targets: targets))
    }

    /// Adds all that another rank accumulated; on an error nothing is added.
    ///
    /// - Throws: 78 where a batch is in both.
    public mutating func merge(_ other: RegressionMetrics) throws {
        try parts.merge(other.parts)
    }

    /// The number of samples.
    public var count: Int { parts.count }

    /// The sum of the loss, by the canonical tree over batches.
    public var lossSum: Double { parts.lossSum }

    /// The mean loss a sample; `nil` without samples.
    public var loss: Double? { mean(of: lossSum) }

    /// The mean squared error; `nil` without samples.
    public var meanSquaredError: Double? { mean(of: squaredErrorSum) }

    /// The square root of the mean squared error; `nil` without samples.
    public var rootMeanSquaredError: Double? { meanSquaredError?.squareRoot() }

    /// The mean absolute error; `nil` without samples.
    public var meanAbsoluteError: Double? {
        mean(of: sum { prediction, target in abs(target - prediction) })
    }

    /// The coefficient of determination, `1 − Σ(y − ŷ)² / Σ(y − ȳ)²`; `nil` for fewer than two samples.
    ///
    /// Targets that are all equal give 1 for perfect predictions and 0 for others, as in scikit-learn.
    public var determination: Double? {
        guard count >= 2, let average = mean(of: sum { _, target in target }) else { return nil }
        let residual = squaredErrorSum
        let spread = sum { _, target in (target - average) * (target - average) }
        if spread == 0 { return residual == 0 ? 1 : 0 }
        return 1 - residual / spread
    }

    private var squaredErrorSum: Double {
        sum { prediction, target in (target - prediction) * (target - prediction) }
    }

    private func mean(of sum: Double) -> Double? { count == 0 ? nil : sum / Double(count) }

    private func sum(_ term: (_ prediction: Double, _ target: Double) -> Double) -> Double {
        CanonicalSum.of(
            parts.sorted.map { part in
                guard case .targets(let targets) = part.truth else { return 0 }
                return zip(part.scores, targets).reduce(0) { $0 + term(Double($1.0), Double($1.1)) }
            })
    }
}

extension RegressionMetrics: Codable {
    /// Reads metrics, checking every part again.
    public init(from decoder: any Decoder) throws {
        for part in try EvaluationParts(from: decoder).sorted { try accumulate(part) }
    }

    /// Writes the parts; all else follows from them.
    public func encode(to encoder: any Encoder) throws {
        try parts.encode(to: encoder)
    }
}
