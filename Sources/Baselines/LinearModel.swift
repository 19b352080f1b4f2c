import Dispatch
import Foundation
import Metrics

/// A linear model with a bias and a penalty on its weights: logistic regression or ridge regression. It minimizes
/// `Σ loss + ‖weights‖² / 2` over the training samples: scikit-learn's `LogisticRegression()` with its C of 1 (one
/// weight vector for two classes of one logit, else one a class), and `Ridge()` with its alpha of 1.
public struct LinearModel: Sendable {
    /// Row-major `[features, outputs]`, then a bias an output.
    public let weights: [Double]
    /// The number of outputs: one a class, or one.
    public let outputCount: Int
    private let featureCount: Int

    /// The targets of training samples.
    public enum Targets: Sendable {
        /// Class numbers below a number of classes.
        case classes([Int32], count: Int)
        /// Class 0 or 1, told apart by one logit.
        case binary([Int32])
        /// Numbers.
        case numbers([Float])

        var outputCount: Int { if case .classes(_, let count) = self { count } else { 1 } }
    }

    /// Trains a model. The sums are cut into the same blocks on every machine.
    public init(_ samples: FeatureMatrix, _ targets: Targets) {
        let outputs = targets.outputCount
        featureCount = samples.featureCount
        outputCount = outputs
        let objective = Objective(samples: samples, targets: targets)
        var start = [Double](repeating: 0, count: (samples.featureCount + 1) * outputs)
        if case .numbers(let numbers) = targets {
            // The bias starts at the mean: numbers far from 0 would take long.
            start[start.count - 1] =
                numbers.reduce(0) { $0 + Double($1) } / Double(max(1, numbers.count))
        }
        // As scikit-learn, which divides by the number of samples; a tenth of its bound.
        let tolerance = 1e-5 * Double(max(1, samples.rowCount))
        weights = Minimizer(tolerance: tolerance).minimize(from: start) { objective.value($0, &$1) }
    }

    /// Logits or predictions, row-major `[samples, outputs]`.
    public func scores(_ samples: FeatureMatrix) -> [Float] {
        var scores = [Float](repeating: 0, count: samples.rowCount * outputCount)
        for row in 0..<samples.rowCount {
            for output in 0..<outputCount {
                var sum = weights[featureCount * outputCount + output]
                for place in samples.rowStarts[row]..<samples.rowStarts[row + 1] {
                    sum +=
                        Double(samples.values[place])
                        * weights[Int(samples.columns[place]) * outputCount + output]
                }
                scores[row * outputCount + output] = Float(sum)
            }
        }
        return scores
    }
}

/// The sum that training minimizes, and its gradient.
private struct Objective: Sendable {
    let samples: FeatureMatrix
    let targets: LinearModel.Targets

    /// A block has a gradient of its own, so there are few; their number does not depend on the machine.
    private var blockCount: Int { max(1, min(8, samples.rowCount / 256)) }

    func value(_ weights: [Double], _ gradient: inout [Double]) -> Double {
        let blocks = Blocks(count: blockCount, elementCount: weights.count)
        DispatchQueue.concurrentPerform(iterations: blockCount) { block in
            let rows =
                (block * samples.rowCount / blockCount)..<((block + 1) * samples.rowCount / blockCount)
            blocks.losses[block] = add(rows, weights, to: blocks.gradients(block))
        }
        var loss = (0..<blockCount).reduce(0) { $0 + blocks.losses[$1] }
        let penalized = samples.featureCount * targets.outputCount
        for index in weights.indices {
            var sum = (0..<blockCount).reduce(0) { $0 + blocks.gradients($1)[index] }
            if index < penalized {
                sum += weights[index]
                loss += weights[index] * weights[index] / 2
            }
            gradient[index] = sum
        }
        return loss
    }

    /// Memory that each block writes apart from the others.
    private final class Blocks: @unchecked Sendable {
        let losses: UnsafeMutablePointer<Double>
        private let memory: UnsafeMutablePointer<Double>
        private let elementCount: Int

        init(count: Int, elementCount: Int) {
            self.elementCount = elementCount
            losses = .allocate(capacity: count)
            losses.initialize(repeating: 0, count: count)
            memory = .allocate(capacity: count * elementCount)
            memory.initialize(repeating: 0, count: count * elementCount)
        }

        deinit {
            losses.deallocate()
            memory.deallocate()
        }

        func gradients(_ block: Int) -> UnsafeMutablePointer<Double> { memory + block * elementCount }
    }

    /// The loss of some rows; their gradient is added.
    private func add(
        _ rows: Range<Int>, _ weights: [Double], to gradient: UnsafeMutablePointer<Double>
    ) -> Double {
        let width = targets.outputCount
        let bias = samples.featureCount * width
        var scores = [Double](repeating: 0, count: width)
        var loss = 0.0
        for row in rows {
            let places = samples.rowStarts[row]..<samples.rowStarts[row + 1]
            for output in 0..<width { scores[output] = weights[bias + output] }
            for place in places {
                let (value, start) = (Double(samples.values[place]), Int(samples.columns[place]) * width)
                for output in 0..<width { scores[output] += value * weights[start + output] }
            }
            // From here on `scores` are the derivatives of the loss by them.
            loss += differentiate(row, &scores)
            for place in places {
                let (value, start) = (Double(samples.values[place]), Int(samples.columns[place]) * width)
                for output in 0..<width { gradient[start + output] += value * scores[output] }
            }
            for output in 0..<width { gradient[bias + output] += scores[output] }
        }
        return loss
    }

    private func differentiate(_ row: Int, _ scores: inout [Double]) -> Double {
        switch targets {
        case .numbers(let numbers):
            // Half the square: Ridge's Σ error² + alpha ‖w‖² has the same minimum.
            let error = scores[0] - Double(numbers[row])
            scores[0] = error
            return error * error / 2
        case .binary(let labels):
            let sign: Double = labels[row] == 1 ? 1 : -1
            let margin = sign * scores[0]
            scores[0] = -sign / (1 + exp(margin))
            return max(0, -margin) + log1p(exp(-abs(margin)))
        case .classes(let labels, _):
            let highest = scores.max() ?? 0
            let own = scores[Int(labels[row])]
            var sum = 0.0
            for index in scores.indices {
                scores[index] = exp(scores[index] - highest)
                sum += scores[index]
            }
            for index in scores.indices { scores[index] /= sum }
            scores[Int(labels[row])] -= 1
            return highest + log(sum) - own
        }
    }
}
