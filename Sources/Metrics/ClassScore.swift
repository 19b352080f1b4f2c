/// Precision, recall and F1 of one class or of an average over classes, each between 0 and 1.
///
/// A ratio whose denominator is 0 counts as 0, as `zero_division=0` of scikit-learn does.
public struct ClassScore: Codable, Sendable, Equatable {
    /// The share of right ones among the samples predicted as this class.
    public var precision: Double
    /// The share of this class's samples that were found.
    public var recall: Double
    /// The harmonic mean of precision and recall.
    public var f1: Double
    /// The number of samples with this true class; for an average, of all samples.
    public var support: Int

    /// Creates a score from its parts.
    public init(precision: Double, recall: Double, f1: Double, support: Int) {
        self.precision = precision
        self.recall = recall
        self.f1 = f1
        self.support = support
    }
}

/// Precision, recall and F1 of every class, and their averages.
public struct ClassScores: Codable, Sendable, Equatable {
    /// One score a class.
    public var perClass: [ClassScore]
    /// The plain mean over classes.
    public var macroAverage: ClassScore
    /// The mean over classes weighted by their support.
    public var weightedAverage: ClassScore

    /// Computes the scores from counts.
    public init(_ confusion: ConfusionMatrix) {
        perClass = (0..<confusion.classCount).map { label in
            let hits = confusion[label, label]
            let support = confusion.support(of: label)
            let predicted = confusion.predictedCount(of: label)
            return ClassScore(
                precision: Self.ratio(hits, predicted), recall: Self.ratio(hits, support),
                f1: Self.ratio(2 * hits, support + predicted), support: support)
        }
        let total = confusion.total
        macroAverage = Self.average(perClass, total: total) { _ in 1 }
        weightedAverage = Self.average(perClass, total: total) { Double($0.support) }
    }

    private static func ratio(_ numerator: Int, _ denominator: Int) -> Double {
        denominator == 0 ? 0 : Double(numerator) / Double(denominator)
    }

    private static func average(
        _ scores: [ClassScore], total: Int, weight: (ClassScore) -> Double
    ) -> ClassScore {
        let weightSum = scores.reduce(0) { $0 + weight($1) }
        func mean(_ part: KeyPath<ClassScore, Double>) -> Double {
            weightSum == 0 ? 0 : scores.reduce(0) { $0 + weight($1) * $1[keyPath: part] } / weightSum
        }
        return ClassScore(
            precision: mean(\.precision), recall: mean(\.recall), f1: mean(\.f1), support: total)
    }
}
