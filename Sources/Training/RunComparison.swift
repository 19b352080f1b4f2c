import Checkpoints
import Diagnostics
import Foundation
import Metrics
import Reports

/// Sets runs side by side that were tested on the same samples: `lockstep compare`.
public struct RunComparison: Sendable {
    /// Which run the others are compared with.
    public enum Reference: String, Sendable, CaseIterable {
        /// The one with the best value.
        case best
        /// The one named first.
        case first
    }

    /// A run.
    public struct Row: Sendable {
        /// Its folder, or a checkpoint's.
        public var path: String
        /// Its recipe's name.
        public var recipe: String
        /// The number of its trained parameters.
        public var parameters: Int
        /// How long it trained.
        public var seconds: Double
        /// Its metric.
        public var value: Double
        /// Where 95 % of the metrics over samples drawn anew lie.
        public var interval: ClosedRange<Double>?
        /// Its metric less the reference's; nil for the reference.
        public var difference: Double?
        /// How probable so large a difference is between equally good models; nil for the reference.
        public var pValue: Double?
    }

    /// The metric.
    public let metric: ComparedMetric
    /// The split.
    public let split: String
    /// The number of samples.
    public let sampleCount: Int
    /// How often samples were drawn anew.
    public let resampleCount: Int
    /// Chose the samples that were drawn.
    public let seed: UInt64
    /// The runs in the order in which they were named.
    public let rows: [Row]
    /// The place in ``rows`` of the run that the others are compared with.
    public let reference: Int

    /// Compares runs. Those whose predictions are not kept are evaluated now.
    /// - Parameters:
    ///   - metricName: one of ``Metrics/ComparedMetric``; the task's usual one where nothing is given.
    ///   - split: another split than the one that the runs were tested on.
    ///   - warn: told what is worth knowing.
    /// - Throws: 78 naming two runs that were not tested on the same samples.
    public init(
        _ paths: [String], metricName: String? = nil, split: String? = nil, against: Reference = .best,
        resampleCount: Int = 10_000, seed: UInt64 = 0, warn: @escaping (String) -> Void
    ) throws {
        let runs = try paths.map { try ComparedRun($0, split: split, warn: warn) }
        guard let first = runs.first else { throw LockstepError(.usage, "there is no run to compare") }
        for other in runs.dropFirst() { try Self.check(first, other) }
        metric = try Self.metric(metricName, task: first.predictions.task)
        let bootstrap = try PairedBootstrap(
            metric, of: runs.map(\.predictions), resampleCount: resampleCount, seed: seed)
        let values = bootstrap.values
        let isBetterLarger = metric.isBetterLarger
        let best = values.indices.dropFirst().reduce(0) { best, index in
            (isBetterLarger ? values[index] > values[best] : values[index] < values[best]) ? index : best
        }
        let reference = against == .best ? best : 0
        rows = runs.indices.map { index in
            Row(
                path: runs[index].path, recipe: runs[index].recipe, parameters: runs[index].parameters,
                seconds: runs[index].seconds, value: values[index], interval: bootstrap.interval(of: index),
                difference: index == reference ? nil : values[index] - values[reference],
                pValue: index == reference ? nil : bootstrap.pValue(index, reference))
        }
        self.reference = reference
        self.split = first.split
        (sampleCount, self.resampleCount, self.seed) = (first.predictions.count, resampleCount, seed)
    }

    private static func metric(_ name: String?, task: Task) throws -> ComparedMetric {
        let all = ComparedMetric.all(of: task)
        guard let name else { return all[0] }
        if let metric = all.first(where: { $0.rawValue == name }) { return metric }
        throw LockstepError(
            .usage, "no metric '\(name)' for a \(task.rawValue)",
            remedy: Suggestions.remedy(for: name, among: all.map(\.rawValue)))
    }

    /// Two runs can be compared where both predicted the same samples, with the same answers.
    private static func check(_ one: ComparedRun, _ other: ComparedRun) throws {
        let (left, right) = (one.predictions, other.predictions)
        var problem: String?
        if one.split != other.split {
            problem = "on the \(one.split) and on the \(other.split) split"
        } else if left.count != right.count {
            problem = "on \(left.count) and \(right.count) samples"
        } else if let sample = left.identities.indices.first(where: {
            left.identities[$0] != right.identities[$0]
        }) {
            problem = "on different samples: number \(sample) is not the same"
        } else if left.truth != right.truth {
            problem = "on samples with different answers"
        }
        guard let problem else { return }
        throw LockstepError(
            .mismatch, "\(one.path) and \(other.path) were tested \(problem)",
            remedy: "compare runs with the same data.path and data.split; --split names another split of both"
        )
    }
}

/// What is compared of a run.
private struct ComparedRun {
    let path: String
    let recipe: String
    let parameters: Int
    let seconds: Double
    let split: String
    let predictions: SamplePredictions

    /// What run.json says that matters here.
    private struct Facts: Decodable {
        var recipe: String
        var parameters: Int
        var seconds: Double
    }

    init(_ path: String, split: String?, warn: @escaping (String) -> Void) throws {
        self.path = path
        let folder = RunFolder(path: path)
        let facts = try? JSONDecoder().decode(
            Facts.self, from: Data(contentsOf: URL(fileURLWithPath: folder.runFile)))
        if let facts, let stored = try StoredPredictions(readingFrom: folder.predictionsFile),
            split == nil || split == stored.split
        {
            (recipe, parameters, seconds) = (facts.recipe, facts.parameters, facts.seconds)
            (self.split, predictions) = (stored.split, stored.predictions)
            return
        }
        let evaluated = try RunEvaluation(path, warn: warn).evaluate(split: split)
        guard let evaluated, let predictions = evaluated.predictions else {
            throw LockstepError(
                .usage, "\(path) has several answers a sample: such runs cannot be compared sample by sample",
                remedy: "compare what lockstep evaluate says of each")
        }
        let report = evaluated.report
        (recipe, parameters, seconds) = (
            report.recipeName, report.parameterCount, facts?.seconds ?? report.wallSeconds
        )
        (self.split, self.predictions) = (report.split, predictions)
    }
}

extension RunComparison {
    /// The runs as a table for people.
    public var text: String {
        let name = metric.rawValue
        var table = TextTable([
            ("run", .left), ("recipe", .left), ("parameters", .right), ("seconds", .right), (name, .right),
            ("95 % interval", .left), ("difference", .right), ("p", .right),
        ])
        for (index, row) in rows.enumerated() {
            table.add([
                row.path + (index == reference ? " *" : ""), row.recipe, row.parameters.grouped,
                String(format: "%.1f", row.seconds), String(format: "%.4f", row.value),
                row.interval.map { String(format: "%.4f to %.4f", $0.lowerBound, $0.upperBound) } ?? "",
                row.difference.map { String(format: "%+.4f", $0) } ?? "",
                row.pValue.map { String(format: "%.4f", $0) } ?? "",
            ])
        }
        return table.text
            + "\n* what the others are compared with; \(sampleCount.grouped) samples of the \(split) split, "
            + "paired bootstrap over \(resampleCount.grouped) resamples, seed \(seed)\n"
    }

    /// The comparison as one object of JSON.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let document = Document(
            metric: metric.rawValue, split: split, samples: sampleCount, resamples: resampleCount, seed: seed,
            reference: rows[reference].path,
            runs: rows.map {
                Document.Run(
                    run: $0.path, recipe: $0.recipe, parameters: $0.parameters, seconds: $0.seconds,
                    value: $0.value, low: $0.interval?.lowerBound, high: $0.interval?.upperBound,
                    difference: $0.difference, pValue: $0.pValue)
            })
        return Array(try encoder.encode(document)) + [0x0a]
    }

    private struct Document: Encodable {
        struct Run: Encodable {
            var run, recipe: String
            var parameters: Int
            var seconds, value: Double
            var low, high, difference, pValue: Double?
        }
        var metric, split: String
        var samples, resamples: Int
        var seed: UInt64
        var reference: String
        var runs: [Run]
    }
}
