import Checkpoints
import Coordination
import Metrics
import Recipes
import Testing

/// Which evaluation is best and when patience ends.
@Suite struct EarlyStoppingTests {
    /// An evaluation of a binary classification whose numbers are then set.
    private func evaluation(loss: Double, accuracy: Double? = nil, auc: Double? = nil) throws
        -> EvaluationResult
    {
        var result = try EvaluationResult(
            task: .binaryClassification, classCount: 2,
            parts: [EvaluationPart(batch: 0, lossSum: 1, scores: [1, -1], labels: [1, 0])])
        result.loss = loss
        if let accuracy { result.accuracy = accuracy }
        result.auc = auc
        return result
    }

    /// Notes values one after the other, ten steps apart.
    /// - Returns: which were best, and the first after which training would stop.
    private func note(
        _ part: EarlyStoppingPart?, _ results: [EvaluationResult], _ state: inout TrainingState
    ) -> (best: [Bool], stop: Int?) {
        let stopping = EarlyStopping(part)
        var best: [Bool] = []
        var stop: Int?
        for result in results {
            best.append(stopping.note(result, step: 10 * (best.count + 1), in: &state))
            if stop == nil, stopping.shouldStop(state) { stop = best.count - 1 }
        }
        return (best, stop)
    }

    private func losses(_ values: [Double]) throws -> [EvaluationResult] {
        try values.map { try evaluation(loss: $0) }
    }

    private var fresh: TrainingState { TrainingState(seed: 1, logicalShards: 4) }

    @Test func patienceCountsEvaluationsInARow() throws {
        var state = fresh
        let part = EarlyStoppingPart(metric: .loss, patience: 2)
        let (best, stop) = note(part, try losses([3, 2, 2.5, 1, 1, 1.5, 0.5]), &state)
        #expect(best == [true, true, false, true, false, false, true])
        #expect(stop == 5, "an equal value is no better")
        #expect(state.bestStep == 70 && state.bestValue == 0.5 && state.metricName == "loss")
        #expect(state.patienceCounter == 0)
    }

    @Test func minimumDeltaMustBeExceeded() throws {
        var state = fresh
        let part = EarlyStoppingPart(metric: .loss, patience: 2, minimumDelta: 0.25)
        let (best, stop) = note(part, try losses([2, 1.75, 1.74, 1.6, 1.49]), &state)
        #expect(best == [true, false, true, false, false])
        #expect(stop == 4, "each is compared with the best, not with the one before")
        #expect(state.bestValue == 1.74)
    }

    @Test(arguments: [EarlyStoppingPart.Metric.accuracy, .auc])
    func otherMetricsGrow(_ metric: EarlyStoppingPart.Metric) throws {
        var state = fresh
        let part = EarlyStoppingPart(metric: metric, patience: 3, minimumDelta: 0.125)
        let values = [0.25, 0.5, 0.625, 0.25, 0.75, 0.5]
        let results = try values.map { try evaluation(loss: 1, accuracy: $0, auc: $0) }
        let (best, stop) = note(part, results, &state)
        #expect(best == [true, true, false, false, true, false])
        #expect(stop == nil)
        #expect(state.bestStep == 50 && state.metricName == metric.rawValue)
    }

    @Test func numbersThatAreNoneAreNeverBest() throws {
        var state = fresh
        let part = EarlyStoppingPart(metric: .loss, patience: 3)
        let (best, stop) = note(part, try losses([.nan, -.infinity, 5, .nan, .infinity, .nan]), &state)
        #expect(best == [false, false, true, false, false, false])
        #expect(stop == 5)
        #expect(state.bestValue == 5)
    }

    @Test func aMetricThatIsUndefinedCountsAgainstPatience() throws {
        var state = fresh
        let results = try [nil, 0.5, nil, nil].map { try evaluation(loss: 1, auc: $0) }
        let (best, stop) = note(EarlyStoppingPart(metric: .auc, patience: 2), results, &state)
        #expect(best == [false, true, false, false])
        #expect(stop == 3)
    }

    @Test func withoutThePartTheLossDecidesAndNothingStops() throws {
        var state = fresh
        let (best, stop) = note(nil, try losses([1, 2, 3, 4, 0.5]), &state)
        #expect(best == [true, false, false, false, true])
        #expect(stop == nil && !EarlyStopping(nil).isActive)
        #expect(EarlyStopping(EarlyStoppingPart()).isActive)
    }

    /// All that decides is in the state that checkpoints keep.
    @Test func aResumeDecidesAlike() throws {
        let part = EarlyStoppingPart(metric: .loss, patience: 3)
        let values = try losses([3, 2, 2.5, 1, 4, 4, 4])
        var whole = fresh
        var parts = fresh
        _ = note(part, values, &whole)
        for (index, value) in values.enumerated() {
            _ = EarlyStopping(part).note(value, step: 10 * (index + 1), in: &parts)
        }
        #expect(whole == parts)
    }
}
