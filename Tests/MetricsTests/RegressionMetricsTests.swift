import Diagnostics
import Foundation
import Metrics
import Testing

@Suite struct RegressionMetricsTests {
    @Test func mergesExactlyInAnyOrder() throws {
        var generator = SeededGenerator(state: 3)
        let recorded = try #require(try RecordedCase.all().first { $0.task == .regression })
        let parts = recorded.parts(batchSize: 3)
        let expected = try recorded.result(parts)
        var ranks = [RegressionMetrics](repeating: RegressionMetrics(), count: 3)
        for part in parts.shuffled(using: &generator) {
            try ranks[Int.random(in: 0..<3, using: &generator)].accumulate(part)
        }
        var merged = RegressionMetrics()
        for rank in ranks.reversed() {
            let bytes = try JSONEncoder().encode(rank)
            try merged.merge(JSONDecoder().decode(RegressionMetrics.self, from: bytes))
        }
        #expect(try EvaluationResult(merged) == expected)
    }

    @Test func undefinedNumbersAreNil() throws {
        var metrics = RegressionMetrics()
        #expect(metrics.meanSquaredError == nil && metrics.determination == nil)
        try metrics.accumulate(batch: 0, lossSum: 4, predictions: [1], targets: [3])
        #expect(metrics.meanSquaredError == 4 && metrics.determination == nil)
        #expect(throws: LockstepError.self) {
            try metrics.accumulate(batch: 1, lossSum: 4, predictions: [1, 2], targets: [3])
        }
        #expect(throws: LockstepError.self) {
            try metrics.accumulate(batch: 0, lossSum: 4, predictions: [1], targets: [3])
        }
    }

    @Test func perfectPredictionsOfAConstantScoreOne() throws {
        var metrics = RegressionMetrics()
        try metrics.accumulate(batch: 0, lossSum: 0, predictions: [2, 2], targets: [2, 2])
        #expect(metrics.determination == 1)
    }
}
