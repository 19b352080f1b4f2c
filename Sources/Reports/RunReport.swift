import Diagnostics
import Foundation
import Metrics

/// The report of a finished run for people: `report.txt`.
public struct RunReport: Sendable {
    /// A number to compare the run with, for instance that of a published notebook.
    public struct Baseline: Sendable {
        /// What it is, for instance `scikit-learn LogisticRegression`.
        public var name: String
        /// The metric compared, by its name in ``Metrics/EvaluationResult/values``.
        public var metric: String
        /// The baseline's value.
        public var value: Double

        /// Creates a baseline.
        public init(name: String, metric: String, value: Double) {
            self.name = name
            self.metric = metric
            self.value = value
        }
    }

    /// A classical model trained on the same samples.
    public struct TrainedBaseline: Sendable {
        /// What it is, for instance `bag of words + logistic regression`.
        public var name: String
        /// The number of its features.
        public var featureCount: Int
        /// How long it took to train and to test, in seconds.
        public var seconds: Double
        /// Its metrics on the split that the run was evaluated on.
        public var result: EvaluationResult
        /// The metric by which both are compared sample by sample.
        public var metric: String
        /// How probable so large a difference of that metric is between equally good models.
        public var pValue: Double?

        /// Describes a baseline.
        public init(
            name: String, featureCount: Int, seconds: Double, result: EvaluationResult, metric: String,
            pValue: Double?
        ) {
            self.name = name
            self.featureCount = featureCount
            self.seconds = seconds
            self.result = result
            self.metric = metric
            self.pValue = pValue
        }
    }

    /// A sample that the model got wrong, with what a person needs to judge it.
    public struct WrongSample: Sendable {
        /// What the model said of it.
        public var mistake: Mistake
        /// Where it comes from: `FILE:LINE`, or a path.
        public var place: String
        /// What a person reads of it, if anything.
        public var text: String?

        /// Describes a sample.
        public init(mistake: Mistake, place: String, text: String? = nil) {
            self.mistake = mistake
            self.place = place
            self.text = text
        }
    }

    /// The recipe's name.
    public var recipeName: String
    /// The split that was evaluated, for instance `test`.
    public var split: String
    /// The step of the parameters that were evaluated.
    public var step: Int
    /// The number of trained parameters.
    public var parameterCount: Int
    /// How long the run took, in seconds.
    public var wallSeconds: Double
    /// The files that the run left, by what they are.
    public var files: [(name: String, path: String)]
    /// The evaluation.
    public var result: EvaluationResult
    /// The classes' names by number; empty where there are none.
    public var classNames: [String]
    /// What to compare with, if anything.
    public var baseline: Baseline?
    /// A classical model trained beside the run, where somebody asked for it.
    public var trainedBaseline: TrainedBaseline?
    /// The worst errors, where somebody asked for them.
    public var wrongSamples: [WrongSample]?
    /// Samples that were left out, a sentence each reason.
    public var warnings: [String] = []

    /// Gathers a report.
    public init(
        recipeName: String, split: String, step: Int, parameterCount: Int, wallSeconds: Double,
        files: [(name: String, path: String)], result: EvaluationResult, classNames: [String] = [],
        baseline: Baseline? = nil
    ) {
        self.recipeName = recipeName
        self.split = split
        self.step = step
        self.parameterCount = parameterCount
        self.wallSeconds = wallSeconds
        self.files = files
        self.result = result
        self.classNames = classNames
        self.baseline = baseline
    }

    /// The report as text.
    public var text: String {
        let facts = [
            ("recipe", recipeName), ("split", split), ("step", String(step)),
            ("parameters", parameterCount.grouped),
            ("seconds", String(format: "%.1f", wallSeconds)),
        ]
        var text = "Lockstep report\n===============\n\n" + Self.table(facts)
        text += "\nEvaluation\n----------\n\n" + result.report(classNames: classNames)
        let comparison = [trainedBaseline.map(table), statedComparison].compactMap { $0 }.joined(
            separator: "\n")
        if !comparison.isEmpty { text += "\nComparison\n----------\n\n" + comparison }
        if let wrongSamples { text += "\n" + errors(wrongSamples) }
        if !files.isEmpty { text += "\nFiles\n-----\n\n" + Self.table(files.map { ($0.name, $0.path) }) }
        return text
    }

    /// Writes the report, replacing an older one.
    ///
    /// - Throws: 74 where it cannot be written.
    public func write(to path: String) throws {
        try OutputFile.replace(path, with: Array(text.utf8))
    }

    /// `accuracy: 0.9737, scikit-learn LogisticRegression 0.9649 (difference +0.0088)`
    private var statedComparison: String? {
        guard let baseline else { return nil }
        guard let value = result.values[baseline.metric] else {
            return "\(baseline.metric) was not measured; \(baseline.name) has "
                + String(format: "%.4f\n", baseline.value)
        }
        return "\(baseline.metric): \(String(format: "%.4f", value)), \(baseline.name) "
            + String(format: "%.4f (difference %+.4f)\n", baseline.value, value - baseline.value)
    }

    /// The run and the baseline trained beside it, a row each.
    private func table(_ baseline: TrainedBaseline) -> String {
        let names = ["accuracy", "macroF1", "auc", "mse", "mae", "r2", "loss"].filter {
            result.values[$0] != nil && baseline.result.values[$0] != nil
        }
        var table = TextTable([("", .left)] + names.map { ($0, .right) })
        for (name, result) in [(recipeName, result), (baseline.name, baseline.result)] {
            table.add([name] + names.map { String(format: "%.4f", result.values[$0] ?? .nan) })
        }
        let probability = baseline.pValue.map {
            String(
                format: "; p of the difference in %@ %.4f (paired bootstrap)", baseline.metric as NSString, $0
            )
        }
        return table.text
            + String(
                format: "%@: %@ features, trained in %.1f seconds%@\n", baseline.name as NSString,
                baseline.featureCount.grouped as NSString, baseline.seconds, (probability ?? "") as NSString)
    }

    /// Each wrong sample in two or three lines: what it was taken for, where it is, what it says.
    private func errors(_ samples: [WrongSample]) -> String {
        let title = result.task == .regression ? "Largest errors" : "Most confident errors"
        var text = title + "\n" + String(repeating: "-", count: title.count) + "\n\n"
        if samples.isEmpty { text += "none\n" }
        for (number, sample) in samples.enumerated() {
            text += String(format: "%3d  ", number + 1) + verdict(sample.mistake) + "\n"
            text += "     " + sample.place + "\n"
            if let words = sample.text { text += "     " + Self.shortened(words) + "\n" }
        }
        return text
    }

    private func verdict(_ mistake: Mistake) -> String {
        func name(_ label: Int) -> String { label < classNames.count ? classNames[label] : String(label) }
        if let truth = mistake.trueClass, let predicted = mistake.predictedClass {
            return name(truth) + " taken for " + name(predicted)
                + String(
                    format: " with probability %.4f (true class %.4f)", mistake.probability ?? .nan,
                    mistake.trueProbability ?? .nan)
        }
        return String(format: "%g predicted as %g", mistake.target ?? .nan, mistake.prediction ?? .nan)
    }

    /// One line, its end cut off where it is long.
    private static func shortened(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return line.count > 200 ? line.prefix(199) + "…" : line
    }

    private static func table(_ rows: [(String, String)]) -> String {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }.joined()
    }
}
