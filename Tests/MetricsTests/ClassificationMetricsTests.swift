import Diagnostics
import Foundation
import Metrics
import Testing

@Suite struct ClassificationMetricsTests {
    @Test func mergesExactlyInAnyOrder() throws {
        var generator = SeededGenerator(state: 2)
        let recorded = try RecordedCase.all()[0]
        let parts = recorded.parts(batchSize: 5)
        var alone = try ClassificationMetrics(classCount: 3)
        for part in parts { try alone.accumulate(part) }

        for rankCount in 1...5 {
            var ranks = try (0..<rankCount).map { _ in try ClassificationMetrics(classCount: 3) }
            for part in parts.shuffled(using: &generator) {
                try ranks[Int.random(in: 0..<rankCount, using: &generator)].accumulate(part)
            }
            var merged = try ClassificationMetrics(classCount: 3)
            for rank in ranks.shuffled(using: &generator) {
                // As it travels between ranks.
                let bytes = try JSONEncoder().encode(rank)
                try merged.merge(JSONDecoder().decode(ClassificationMetrics.self, from: bytes))
            }
            #expect(merged.lossSum.bitPattern == alone.lossSum.bitPattern)
            #expect(merged.confusion == alone.confusion)
            #expect(merged.parts == alone.parts)
            #expect(try EvaluationResult(merged) == EvaluationResult(alone))
        }
    }

    @Test func refusesWhatCannotBeMerged() throws {
        var left = try ClassificationMetrics(classCount: 3)
        try left.accumulate(batch: 0, lossSum: 1, scores: [1, 0, 0], labels: [0])
        let before = left.confusion
        #expect(throws: LockstepError.self) { try left.merge(left) }
        #expect(throws: LockstepError.self) { try left.merge(ClassificationMetrics(classCount: 4)) }
        #expect(throws: LockstepError.self) { try left.merge(.binary()) }
        #expect(left.confusion == before)
    }

    @Test func logitsAndProbabilitiesHaveTheirOwnThreshold() throws {
        var logits = ClassificationMetrics.binary()
        try logits.accumulate(batch: 0, lossSum: 0, scores: [0, 0.1, 0.6], labels: [0, 1, 1])
        #expect(logits.accuracy == 1)
        var probabilities = ClassificationMetrics.binary(scoreKind: .probabilities)
        try probabilities.accumulate(batch: 0, lossSum: 0, scores: [0, 0.1, 0.6], labels: [0, 1, 1])
        #expect(probabilities.accuracy == 2.0 / 3)
    }

    @Test func undefinedNumbersAreNil() throws {
        var metrics = try ClassificationMetrics(classCount: 3)
        #expect(metrics.accuracy == nil && metrics.loss == nil && metrics.areaUnderCurve == nil)
        try metrics.accumulate(batch: 0, lossSum: 0, scores: [.nan, .nan, 1, 1, 0, 0], labels: [2, 0])
        #expect(metrics.accuracy == 1)
        #expect(metrics.areaUnderCurve == nil)
    }

    @Test func hostileJSONIsAnErrorNotATrap() throws {
        for count in [-1, 0, 5_000, Int.max] {
            #expect(throws: LockstepError.self) { try ClassificationMetrics(classCount: count) }
            let text =
                "{\"task\":\"classification\",\"classCount\":\(count),\"scoreKind\":\"logits\",\"parts\":[]}"
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(ClassificationMetrics.self, from: Data(text.utf8))
            }
        }
        for text in ["{\"classCount\":2,\"counts\":[1,2,3]}", "{\"classCount\":1,\"counts\":[-1]}"] {
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(ConfusionMatrix.self, from: Data(text.utf8))
            }
        }
    }

    @Test func areaCountsTiesHalf() {
        let positives = [false, false, true, true]
        #expect(AreaUnderCurve.binary(scores: [0.1, 0.4, 0.35, 0.8], isPositive: positives) == 0.75)
        #expect(AreaUnderCurve.binary(scores: [1, 1, 1, 1], isPositive: positives) == 0.5)
        #expect(AreaUnderCurve.binary(scores: [1, 1, 1, 1], isPositive: [true, true, true, true]) == nil)
        #expect(AreaUnderCurve.binary(scores: [1, 1, .nan, 1], isPositive: positives) == nil)
    }

    @Test func canonicalSumFollowsTheTree() {
        var generator = SeededGenerator(state: 4)
        let values = (0..<77).map { _ in Double.random(in: -1...1, using: &generator) }
        // The definition, word for word: blocks [i·2^k, (i+1)·2^k) cut at the count.
        func block(_ start: Int, _ width: Int) -> Double {
            if width == 1 { return values[start] }
            let middle = start + width / 2
            let left = block(start, width / 2)
            return middle < values.count ? left + block(middle, width / 2) : left
        }
        #expect(CanonicalSum.of(values) == block(0, 128))
        #expect(CanonicalSum.of(values) != values.reduce(0, +))
        #expect(CanonicalSum.of([]) == 0)
        #expect(CanonicalSum.of([5]) == 5)
    }
}
