import Foundation
import Metrics
import Testing

/// What `Recording/record_details.py` recorded from scikit-learn.
private struct RecordedDetails: Decodable {
    struct Curve: Decodable {
        var auc: Double
        var average: Double
        var falsePositiveRate: [Double]
        var truePositiveRate: [Double]
        /// Without the first, which is infinite.
        var thresholds: [Double]
    }
    struct Case: Decodable {
        var classes: Int
        var logits: [Float]
        var labels: [Int32]
        var curves: [Curve]
        /// Sample, true class, predicted class, probability.
        var mistakes: [[Double]]
    }
    struct Regression: Decodable {
        var scores: [Float]
        var targets: [Float]
        var maximum: Double
        var median: Double
        var percentage: Double
        var explained: Double
    }
    var cases: [Case]
    var regressions: [Regression]
}

extension RecordedDetails.Case {
    /// The samples in batches of seven, spread over ranks that are merged in the end.
    func metrics(rankCount: Int) throws -> ClassificationMetrics {
        let isBinary = logits.count == labels.count
        var ranks = try (0..<rankCount).map { _ in
            isBinary ? ClassificationMetrics.binary() : try ClassificationMetrics(classCount: classes)
        }
        let width = isBinary ? 1 : classes
        for (batch, start) in stride(from: 0, to: labels.count, by: 7).enumerated() {
            let end = min(start + 7, labels.count)
            try ranks[batch * 5 % rankCount].accumulate(
                batch: batch, lossSum: 1, scores: Array(logits[(start * width)..<(end * width)]),
                labels: Array(labels[start..<end]))
        }
        var merged = ranks.removeLast()
        for rank in ranks { try merged.merge(rank) }
        return merged
    }
}

@Suite struct EvaluationDetailsTests {
    private let recorded: RecordedDetails

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/details.json")
        recorded = try JSONDecoder().decode(RecordedDetails.self, from: Data(contentsOf: path))
    }

    private func isClose(_ left: [Double], _ right: [Double]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) < 1e-9 }
    }

    @Test func curvesEqualScikitLearns() throws {
        #expect(recorded.cases.count == 3)
        for wanted in recorded.cases {
            let details = EvaluationDetails(try wanted.metrics(rankCount: 1))
            #expect(details.curves.count == wanted.curves.count)
            for (curve, expected) in zip(details.curves, wanted.curves) {
                #expect(isNear(curve.auc, expected.auc) && isNear(curve.averagePrecision, expected.average))
                let roc = try #require(curve.roc)
                #expect(roc.thresholds.first == .infinity)
                #expect(isClose(Array(roc.thresholds.dropFirst()), expected.thresholds))
                #expect(isClose(roc.falsePositiveRate, expected.falsePositiveRate))
                #expect(isClose(roc.truePositiveRate, expected.truePositiveRate))
            }
        }
    }

    @Test func theSurestMistakesComeFirst() throws {
        for wanted in recorded.cases {
            let found = try wanted.metrics(rankCount: 1).mostConfidentMistakes(5)
            #expect(found.count == wanted.mistakes.count)
            for (mistake, expected) in zip(found, wanted.mistakes) {
                #expect(mistake.sample == Int(expected[0]))
                #expect(mistake.trueClass == Int(expected[1]) && mistake.predictedClass == Int(expected[2]))
                #expect(abs(try #require(mistake.probability) - expected[3]) < 1e-9)
            }
            let all = try wanted.metrics(rankCount: 1).mostConfidentMistakes(1000)
            let confusion = try wanted.metrics(rankCount: 1).confusion
            #expect(all.count == confusion.total - confusion.correctCount)
        }
    }

    @Test func ranksMergeExactly() throws {
        for wanted in recorded.cases {
            let alone = try wanted.metrics(rankCount: 1)
            for rankCount in 2...4 {
                let merged = try wanted.metrics(rankCount: rankCount)
                #expect(EvaluationDetails(merged) == EvaluationDetails(alone))
                #expect(merged.mostConfidentMistakes(9) == alone.mostConfidentMistakes(9))
            }
        }
    }

    @Test func errorsOfRegressionsEqualScikitLearns() throws {
        for wanted in recorded.regressions {
            var metrics = RegressionMetrics()
            let half = wanted.targets.count / 2
            try metrics.accumulate(
                batch: 1, lossSum: 1, predictions: Array(wanted.scores[half...]),
                targets: Array(wanted.targets[half...]))
            try metrics.accumulate(
                batch: 0, lossSum: 1, predictions: Array(wanted.scores[..<half]),
                targets: Array(wanted.targets[..<half]))
            let errors = try #require(EvaluationDetails(metrics).errors)
            #expect(isNear(errors.maximum, wanted.maximum) && isNear(errors.median, wanted.median))
            #expect(isNear(errors.meanAbsolutePercentage, wanted.percentage))
            #expect(isNear(errors.explainedVariance, wanted.explained))
            let worst = try #require(metrics.largestErrors(1).first)
            #expect(wanted.targets[worst.sample] == Float(try #require(worst.target)))
            #expect(
                abs(abs(Double(wanted.targets[worst.sample]) - worst.prediction!) - wanted.maximum) < 1e-9)
        }
        #expect(EvaluationDetails(RegressionMetrics()).errors == nil)
    }

    @Test func aResultHasThemOnRequest() throws {
        let parts = [EvaluationPart(batch: 0, lossSum: 1, scores: [2, 0, 1, 0, 1, 3], labels: [0, 2])]
        let plain = try EvaluationResult(task: .classification, classCount: 3, parts: parts)
        let detailed = try EvaluationResult(
            task: .classification, classCount: 3, parts: parts, isDetailed: true)
        #expect(plain.details == nil && !plain.report().contains("calibration"))
        let details = try #require(detailed.details)
        #expect(details.topAccuracy.map(\.k) == [1, 2])
        // Class 1 has no sample: what is undefined is nil, and the report says so.
        #expect(details.curves.map { $0.auc == nil } == [false, true, false])
        for text in ["expected calibration error", "top-2 accuracy", "undefined", "average precision"] {
            #expect(detailed.report().contains(text), "\(detailed.report())")
        }
        #expect(try EvaluationResult(json: try detailed.json()) == detailed)
    }
}
