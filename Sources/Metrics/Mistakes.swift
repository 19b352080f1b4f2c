/// A sample that a model got wrong.
public struct Mistake: Codable, Sendable, Equatable {
    /// The sample's number in the evaluation, from 0.
    public var sample: Int
    /// The true class; `nil` for a regression.
    public var trueClass: Int?
    /// The class that the model took it for; `nil` for a regression.
    public var predictedClass: Int?
    /// The probability that the model gave the class it took it for.
    public var probability: Double?
    /// The probability that the model gave the true class.
    public var trueProbability: Double?
    /// The number to predict; `nil` for a classification.
    public var target: Double?
    /// The predicted number.
    public var prediction: Double?
}

extension ClassificationMetrics {
    /// The wrong predictions of which the model was surest, the surest first; those equally sure in the order of samples.
    public func mostConfidentMistakes(_ count: Int) -> [Mistake] {
        let (labels, probabilities) = (labels, probabilities)
        var mistakes: [Mistake] = []
        var sample = 0
        for part in parts.sorted {
            for place in 0..<part.count {
                defer { sample += 1 }
                let (truth, predicted) = (Int(labels[sample]), predictedClass(part.scores, sample: place))
                guard truth != predicted else { continue }
                mistakes.append(
                    Mistake(
                        sample: sample, trueClass: truth, predictedClass: predicted,
                        probability: probabilities[sample * classCount + predicted],
                        trueProbability: probabilities[sample * classCount + truth]))
            }
        }
        return mistakes.largest(count) { $0.probability ?? 0 }
    }
}

extension RegressionMetrics {
    /// The predictions that lie farthest from their targets, the farthest first.
    public func largestErrors(_ count: Int) -> [Mistake] {
        var mistakes: [Mistake] = []
        var sample = 0
        for part in parts.sorted {
            guard case .targets(let targets) = part.truth else { continue }
            for (prediction, target) in zip(part.scores, targets) {
                defer { sample += 1 }
                guard prediction != target else { continue }
                mistakes.append(
                    Mistake(sample: sample, target: Double(target), prediction: Double(prediction)))
            }
        }
        return mistakes.largest(count) { abs(($0.target ?? 0) - ($0.prediction ?? 0)) }
    }
}

extension [Mistake] {
    /// The first `count` by falling size, then by rising sample; what is not a number counts as the largest.
    fileprivate func largest(_ count: Int, by size: (Mistake) -> Double) -> [Mistake] {
        let sized = map { mistake -> (size: Double, mistake: Mistake) in
            let value = size(mistake)
            return (value.isNaN ? .infinity : value, mistake)
        }
        let ordered = sized.sorted { ($1.size, $0.mistake.sample) < ($0.size, $1.mistake.sample) }
        return ordered.prefix(Swift.max(0, count)).map(\.mistake)
    }
}
