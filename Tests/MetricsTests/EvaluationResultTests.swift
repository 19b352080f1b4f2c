import Diagnostics
import Foundation
import Metrics
import Testing

@Suite struct EvaluationResultTests {
    @Test func agreesWithScikitLearn() throws {
        let cases = try RecordedCase.all()
        #expect(cases.count == 9)
        for (index, recorded) in cases.enumerated() {
            let result = try recorded.result(recorded.parts(batchSize: 7))
            let note = Comment(rawValue: "case \(index)")
            #expect(isNear(result.accuracy, recorded.accuracy), note)
            #expect(isNear(result.auc, recorded.auc), note)
            #expect(isNear(result.mse, recorded.mse), note)
            #expect(isNear(result.rmse, recorded.rmse), note)
            #expect(isNear(result.mae, recorded.mae), note)
            #expect(isNear(result.r2, recorded.r2), note)
            #expect(result.confusion?.counts == recorded.confusion, note)
            if let report = recorded.report {
                #expect(result.classificationReport(classNames: recorded.names ?? []) == report, note)
            }
        }
    }

    @Test func classScoresAgreeWithScikitLearn() throws {
        for recorded in try RecordedCase.all() where recorded.task != .regression {
            let result = try recorded.result(recorded.parts(batchSize: 11))
            let scores = try #require(result.classScores)
            let rows = try #require(recorded.perClass)
            #expect(scores.perClass.count == rows.count)
            for (score, row) in zip(scores.perClass, rows) {
                #expect(isNear(score.precision, row[0]))
                #expect(isNear(score.recall, row[1]))
                #expect(isNear(score.f1, row[2]))
                #expect(score.support == Int(row[3]))
            }
            for (average, expected) in [
                (scores.macroAverage, recorded.macro), (scores.weightedAverage, recorded.weighted),
            ] {
                let expected = try #require(expected)
                #expect(isNear(average.precision, expected[0]))
                #expect(isNear(average.recall, expected[1]))
                #expect(isNear(average.f1, expected[2]))
            }
            #expect(result.macroF1 == scores.macroAverage.f1)
        }
    }

    @Test func anyArrivalOrderAndPartitionGivesTheSameBits() throws {
        var generator = SeededGenerator(state: 1)
        var plainSumsDiffer = false
        for recorded in try RecordedCase.all() {
            let parts = recorded.parts(batchSize: 4)
            let expected = try recorded.result(parts)
            let backwards = parts.reversed().reduce(0.0) { $0 + $1.lossSum } / Double(expected.count)
            if backwards != expected.loss { plainSumsDiffer = true }
            for _ in 0..<10 {
                let shuffled = parts.shuffled(using: &generator)
                let result = try recorded.result(shuffled)
                #expect(result == expected)
                #expect(result.loss.bitPattern == expected.loss.bitPattern)
            }
        }
        #expect(plainSumsDiffer, "or this test would show nothing")
    }

    @Test func missingRepeatedAndEmptyBatchesAreErrors() throws {
        let recorded = try #require(try RecordedCase.all().first)
        let parts = recorded.parts(batchSize: 10)
        func code(_ parts: [EvaluationPart], batchCount: Int? = nil) -> ExitCode? {
            do {
                _ = try EvaluationResult(
                    task: .classification, classCount: 3, parts: parts, batchCount: batchCount)
                return nil
            } catch { return LockstepError.wrapping(error).code }
        }
        #expect(code(parts, batchCount: 10) == nil)
        #expect(code(parts, batchCount: 11) == .mismatch)
        #expect(code(parts, batchCount: 9) == .mismatch)
        #expect(code(Array(parts.dropFirst())) == .mismatch)
        #expect(code(parts + [parts[3]]) == .mismatch)
        #expect(code([]) == .badData)
        #expect(code([EvaluationPart(batch: 0, lossSum: 0, scores: [], labels: [])]) == .badData)
        #expect(code([EvaluationPart(batch: 0, lossSum: 0, scores: [1, 2, 3], labels: [3])]) == .badData)
        #expect(code([EvaluationPart(batch: 0, lossSum: 0, scores: [1, 2, 3], labels: [-1])]) == .badData)
        #expect(code([EvaluationPart(batch: 0, lossSum: 0, scores: [1, 2], labels: [0])]) == .badData)
        #expect(code([EvaluationPart(batch: 0, lossSum: 0, scores: [1], targets: [0])]) == .badData)
    }

    @Test func survivesJSONEvenWithoutNumbers() throws {
        for recorded in try RecordedCase.all() {
            let result = try recorded.result(recorded.parts(batchSize: 9))
            #expect(try EvaluationResult(json: result.json()) == result)
        }
        let part = EvaluationPart(batch: 0, lossSum: .nan, scores: [.nan, .nan], targets: [1, 2])
        let broken = try EvaluationResult(task: .regression, classCount: 0, parts: [part])
        let back = try EvaluationResult(json: broken.json())
        #expect(back.loss.isNaN && back.mse?.isNaN == true)
        #expect(throws: LockstepError.self) { try EvaluationResult(json: Array("{}".utf8)) }
    }

    @Test func namesItsValues() throws {
        let recorded = try #require(try RecordedCase.all().last { $0.task == .binaryClassification })
        let values = try recorded.result(recorded.parts(batchSize: 9)).values
        #expect(values["accuracy"] == recorded.accuracy)
        #expect(values["auc"] == nil)
        #expect(values["mse"] == nil)
        #expect(values.keys.contains("macroF1"))
    }

    @Test func reportShowsHeadlineReportAndConfusion() throws {
        let parts = [
            EvaluationPart(batch: 0, lossSum: 1.5, scores: [1, -1, 2], labels: [1, 0, 0])
        ]
        let result = try EvaluationResult(task: .binaryClassification, classCount: 2, parts: parts)
        #expect(
            result.report(classNames: ["no", "yes"]) == """
                samples           3
                loss              0.500000
                accuracy          0.666667
                area under curve  0.500000

                              precision    recall  f1-score   support

                          no     1.0000    0.5000    0.6667         2
                         yes     0.5000    1.0000    0.6667         1

                    accuracy                         0.6667         3
                   macro avg     0.7500    0.7500    0.6667         3
                weighted avg     0.8333    0.6667    0.6667         3

                true \\ predicted  no  yes
                              no   1    1
                             yes   0    1

                """)
    }

    /// Perplexity and the share of right tokens, whatever ranks computed which batch.
    @Test func resultsOfTexts() throws {
        let parts = [(0, 30.0, 10, 4), (1, 12.0, 6, 1), (2, 8.0, 4, 3)].map {
            EvaluationPart(batch: $0, lossSum: $1, tokenCount: $2, rightCount: $3)
        }
        let result = try EvaluationResult(task: .tokens, classCount: 1, parts: parts, batchCount: 3)
        #expect(result.count == 20 && result.loss == 2.5 && result.accuracy == 0.4)
        #expect(abs((result.perplexity ?? 0) - 12.182493960703473) < 1e-12)
        #expect(result.values["perplexity"] == result.perplexity)
        #expect(try EvaluationResult(task: .tokens, classCount: 1, parts: parts.reversed()) == result)
        #expect(try EvaluationResult(json: result.json()) == result)
        let wrong = EvaluationPart(batch: 0, lossSum: 1, scores: [1], labels: [0])
        #expect(throws: LockstepError.self) {
            try EvaluationResult(task: .tokens, classCount: 1, parts: [wrong])
        }
        #expect(throws: LockstepError.self) {
            try EvaluationResult(task: .tokens, classCount: 1, parts: [])
        }
    }
}
