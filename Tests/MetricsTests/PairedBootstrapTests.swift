import Diagnostics
import Foundation
import Metrics
import Testing

/// What `Recording/record_details.py` recorded from numpy, scipy and scikit-learn.
private struct RecordedBootstrap: Decodable {
    struct Case: Decodable {
        var metric: String
        var values: [Double]
        var low: [Double]
        var high: [Double]
        var p: Double
        /// The interval of `scipy.stats.bootstrap` for the first model.
        var scipy: [Double]?
    }
    var labels: [Int32]
    var one: [Float]
    var other: [Float]
    var cases: [Case]

    func predictions(_ scores: [Float]) throws -> SamplePredictions {
        try SamplePredictions(
            task: .classification, classCount: 3, scores: scores, truth: .labels(labels),
            identities: labels.indices.map(UInt64.init))
    }
}

@Suite struct PairedBootstrapTests {
    private let recorded: RecordedBootstrap

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/bootstrap.json")
        recorded = try JSONDecoder().decode(RecordedBootstrap.self, from: Data(contentsOf: path))
    }

    private func models() throws -> [SamplePredictions] {
        [try recorded.predictions(recorded.one), try recorded.predictions(recorded.other)]
    }

    /// Other draws give other numbers: they agree within the errors of both Monte Carlo computations.
    @Test func agreesWithNumpyAndScipy() throws {
        #expect(recorded.cases.count == 4)
        for wanted in recorded.cases {
            let metric = try #require(ComparedMetric(rawValue: wanted.metric))
            let bootstrap = try PairedBootstrap(metric, of: try models(), resampleCount: 4_000, seed: 3)
            for model in 0..<2 {
                #expect(abs(bootstrap.values[model] - wanted.values[model]) < 1e-9)
                let interval = try #require(bootstrap.interval(of: model))
                let width = wanted.high[model] - wanted.low[model]
                // A percentile of 2,000 draws is off by about 3 % of the interval's width; accuracies of 300
                // samples are a 30th of it apart.
                #expect(abs(interval.lowerBound - wanted.low[model]) < 0.1 * width, "\(wanted.metric)")
                #expect(abs(interval.upperBound - wanted.high[model]) < 0.1 * width, "\(wanted.metric)")
            }
            if let scipy = wanted.scipy, let interval = bootstrap.interval(of: 0) {
                #expect(abs(interval.lowerBound - scipy[0]) < 0.01)
                #expect(abs(interval.upperBound - scipy[1]) < 0.01)
            }
            let p = try #require(bootstrap.pValue(0, 1))
            let error = (wanted.p * (1 - wanted.p) * (1 / 2_000.0 + 1 / 4_000.0)).squareRoot()
            #expect(abs(p - wanted.p) < 4 * error + 0.001, "\(wanted.metric): \(p), \(wanted.p)")
        }
    }

    @Test func equalSeedsGiveEqualNumbers() throws {
        func run(_ seed: UInt64) throws -> PairedBootstrap {
            try PairedBootstrap(.accuracy, of: try models(), resampleCount: 1_000, seed: seed)
        }
        let (one, again, other) = (try run(1), try run(1), try run(2))
        #expect(one.interval(of: 1) == again.interval(of: 1) && one.pValue(0, 1) == again.pValue(0, 1))
        #expect(one.pValue(0, 1) != other.pValue(0, 1) || one.interval(of: 0) != other.interval(of: 0))
    }

    @Test func equalModelsDoNotDiffer() throws {
        let model = try recorded.predictions(recorded.one)
        let bootstrap = try PairedBootstrap(.macroF1, of: [model, model], resampleCount: 200)
        #expect(bootstrap.pValue(0, 1) == 1)
    }

    @Test func regressions() throws {
        let targets: [Float] = (0..<60).map { Float($0 % 7) }
        func model(_ error: Float) throws -> SamplePredictions {
            try SamplePredictions(
                task: .regression, classCount: 1,
                scores: targets.enumerated().map { $1 + ($0 % 2 == 0 ? error : -error / 2) },
                truth: .targets(targets), identities: targets.indices.map(UInt64.init))
        }
        let models = [try model(0.5), try model(1)]
        for (metric, wanted) in [
            (ComparedMetric.mse, 0.625), (.mae, 0.75), (.rmse, 0.625.squareRoot()), (.loss, 0.625),
        ] {
            let bootstrap = try PairedBootstrap(metric, of: models, resampleCount: 500)
            #expect(abs(bootstrap.values[1] - wanted) < 1e-12)
            #expect(try #require(bootstrap.pValue(0, 1)) < 0.01)
            #expect(try #require(bootstrap.interval(of: 1)).contains(bootstrap.values[1]))
        }
        let determination = try PairedBootstrap(.r2, of: models, resampleCount: 100)
        var metrics = RegressionMetrics()
        try metrics.accumulate(batch: 0, lossSum: 0, predictions: models[0].scores, targets: targets)
        #expect(isNear(determination.values[0], metrics.determination))
    }

    @Test func whatCannotBeComparedIsRefused() throws {
        let model = try recorded.predictions(recorded.one)
        let shifted = try SamplePredictions(
            task: .classification, classCount: 3, scores: recorded.other, truth: .labels(recorded.labels),
            identities: recorded.labels.indices.map { UInt64($0 + 1) })
        #expect(throws: LockstepError.self) {
            try PairedBootstrap(.accuracy, of: [model, shifted], resampleCount: 100)
        }
        #expect(throws: LockstepError.self) {
            try PairedBootstrap(.mse, of: [model], resampleCount: 100)
        }
        #expect(throws: LockstepError.self) {
            try SamplePredictions(
                task: .classification, classCount: 3, scores: [1, 2], truth: .labels([0]), identities: [0])
        }
    }
}
