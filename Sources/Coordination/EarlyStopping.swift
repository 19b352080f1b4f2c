import Checkpoints
import Metrics
import Recipes

/// Which evaluation was best, and whether to stop: pure functions of the state that checkpoints keep.
///
/// An evaluation counts when it is done; the decision to stop falls at the next evaluation boundary, whoever evaluates,
/// so that a dedicated coordinator and a colocated one end a run at the same step.
public struct EarlyStopping: Sendable, Equatable {
    /// The metric that decides what is best.
    public let metric: EarlyStoppingPart.Metric
    private let minimumDelta: Double
    private let patience: Int?

    /// Watches the metric of the recipe's early stopping, or the loss.
    public init(_ part: EarlyStoppingPart?) {
        metric = part?.metric ?? .loss
        minimumDelta = part?.minimumDelta ?? 0
        patience = part?.patience
    }

    /// Whether runs may stop early at all.
    public var isActive: Bool { patience != nil }

    /// Notes an evaluation.
    /// - Returns: whether it is the best so far.
    public func note(_ result: EvaluationResult, step: Int, in state: inout TrainingState) -> Bool {
        state.metricName = metric.rawValue
        guard let value = result.values[metric.rawValue], value.isFinite,
            isBetter(value, than: state.bestValue)
        else {
            state.patienceCounter += 1
            return false
        }
        state.bestValue = value
        state.bestStep = step
        state.patienceCounter = 0
        return true
    }

    /// Whether the run ends at this evaluation boundary.
    public func shouldStop(_ state: TrainingState) -> Bool {
        patience.map { state.patienceCounter >= $0 } ?? false
    }

    private func isBetter(_ value: Double, than best: Double?) -> Bool {
        guard let best else { return true }
        return EarlyStoppingPart(metric: metric).mode == .min
            ? value < best - minimumDelta : value > best + minimumDelta
    }
}
