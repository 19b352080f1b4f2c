import Diagnostics
import Foundation
import Metrics
import Testing

/// What `Recording/record_curves.py` recorded from scikit-learn and numpy.
private struct RecordedCurves: Decodable {
    struct Case: Decodable {
        var classes: Int
        var logits: [Float]
        var labels: [Int32]
        var precision: [Double]
        var recall: [Double]
        var thresholds: [Double]
        var average: Double
        var expected: Double
        var maximum: Double
        var top: [Double]?

        /// The samples in batches of four, spread over ranks.
        func metrics(rankCount: Int) throws -> ClassificationMetrics {
            var ranks = try (0..<rankCount).map { _ in
                classes == 2 ? ClassificationMetrics.binary() : try ClassificationMetrics(classCount: classes)
            }
            let width = classes == 2 ? 1 : classes
            for (batch, start) in stride(from: 0, to: labels.count, by: 4).enumerated() {
                let end = min(start + 4, labels.count)
                try ranks[batch * 5 % rankCount].accumulate(
                    batch: batch, lossSum: 0, scores: Array(logits[(start * width)..<(end * width)]),
                    labels: Array(labels[start..<end]))
            }
            var merged = ranks.removeLast()
            for rank in ranks { try merged.merge(rank) }
            return merged
        }
    }

    var cases: [Case]
}

@Suite struct ClassificationCurvesTests {
    private let cases: [RecordedCurves.Case]

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/curves.json")
        cases = try JSONDecoder().decode(RecordedCurves.self, from: Data(contentsOf: path)).cases
    }

    @Test func equalsScikitLearn() throws {
        for wanted in cases {
            let metrics = try wanted.metrics(rankCount: 1)
            let curve = try #require(metrics.precisionRecallCurve(ofClass: 1))
            // 1e-9, since exp of numpy and of the C library may differ in the last bit.
            func isClose(_ left: [Double], _ right: [Double]) -> Bool {
                left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) < 1e-9 }
            }
            #expect(isClose(curve.precision, wanted.precision))
            #expect(isClose(curve.recall, wanted.recall))
            #expect(isClose(curve.thresholds, wanted.thresholds))
            #expect(isNear(curve.averagePrecision, wanted.average))
            let calibration = try #require(metrics.calibration())
            #expect(abs(calibration.expectedError - wanted.expected) < 1e-9)
            #expect(abs(calibration.maximumError - wanted.maximum) < 1e-9)
            for (index, top) in (wanted.top ?? []).enumerated() {
                #expect(isNear(metrics.topAccuracy(index + 1), top))
            }
            #expect(metrics.topAccuracy(1) == metrics.accuracy)
        }
    }

    @Test func mergesExactly() throws {
        for wanted in cases {
            let alone = try wanted.metrics(rankCount: 1)
            for rankCount in 2...4 {
                let merged = try wanted.metrics(rankCount: rankCount)
                #expect(merged.calibration() == alone.calibration())
                #expect(merged.precisionRecallCurve(ofClass: 0) == alone.precisionRecallCurve(ofClass: 0))
                #expect(merged.topAccuracy(2) == alone.topAccuracy(2))
            }
        }
    }

    @Test func undefinedNumbersAreNil() throws {
        var metrics = try ClassificationMetrics(classCount: 3)
        #expect(metrics.calibration() == nil && metrics.topAccuracy(1) == nil)
        #expect(metrics.precisionRecallCurve(ofClass: 0) == nil)
        try metrics.accumulate(batch: 0, lossSum: 0, scores: [1, 1, 1, .nan, 2, 1], labels: [1, 0])
        // Ties go to the lower number, and a score that is not a number is last.
        #expect(metrics.topAccuracy(1) == 0 && metrics.topAccuracy(2) == 0.5 && metrics.topAccuracy(3) == 0.5)
        #expect(metrics.calibration() == nil && metrics.precisionRecallCurve(ofClass: 3) == nil)
        #expect(PrecisionRecallCurve(scores: [0.1, 0.2], isPositive: [false, false]) == nil)
        #expect(
            Calibration(probabilities: [0.4, 0.7], labels: [0], classCount: 2, binCount: 0) == nil)
    }
}
