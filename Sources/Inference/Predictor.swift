import DataPipeline
import Diagnostics
import Foundation
import Metrics
import Scenarios

/// Predicts the rows of a file that looks like the training data; labels need not be there.
public struct Predictor {
    private let model: TrainedModel
    private let batchSize: Int

    /// Prepares predictions.
    public init(_ model: TrainedModel, batchSize: Int = 256) {
        self.model = model
        self.batchSize = batchSize
    }

    /// Predicts every row and hands each to `write` as fields of CSV: the row's number from 0 or its file, then the class and its
    /// probability and the probabilities of all classes; or the number.
    /// - Parameter warn: told of rows that were left out.
    /// - Returns: how many rows were predicted.
    /// - Throws: `LockstepError` (65) with the file and line of a bad row.
    public func predict(
        file: String, warn: (String) -> Void, write: ([String]) throws -> Void
    ) throws -> Int {
        let source = try model.scenario.recipe.data.open(toPredict: file)
        let samples = try model.scenario.fitted.samples(source, for: .prediction)
        let (dataset, rows) = (samples.dataset, samples.rows)
        source.warnings.forEach(warn)
        if dataset.count < source.rowCount {
            let reason = model.scenario.fitted.format.leftOutReason
            warn("\(source.rowCount - dataset.count) of \(source.rowCount) rows \(reason)")
        }
        try predict(dataset, title: source.rowTitle, name: { source.name(ofRow: rows[$0]) }, write: write)
        return dataset.count
    }

    /// Predicts texts, as if each stood in the training data, and writes them as ``predict(file:warn:write:)`` does.
    /// - Throws: `LockstepError` (2) where the model reads no texts.
    public func predict(texts: [String], write: ([String]) throws -> Void) throws {
        let samples = try model.scenario.fitted.format.samples(texts: texts)
        try predict(samples.dataset, title: "row", name: { String($0) }, write: write)
    }

    /// Predicts the lines of a file of texts, numbered from 0; what is not UTF-8 in them becomes U+FFFD.
    /// - Returns: how many there were.
    /// - Throws: `LockstepError` (65) for a missing or empty file; (2) where the model reads no texts.
    public func predict(lines path: String, write: ([String]) throws -> Void) throws -> Int {
        let lines = try TextLines(path: path)
        // In blocks, so that a file of any size needs little memory.
        for start in stride(from: 0, to: lines.count, by: 4_096) {
            let block = start..<min(start + 4_096, lines.count)
            let samples = try model.scenario.fitted.format.samples(texts: block.map { lines[$0] })
            try predict(
                samples.dataset, title: start == 0 ? "row" : nil, name: { String(start + $0) }, write: write)
        }
        return lines.count
    }

    private func predict(
        _ dataset: any Dataset, title: String?, name: (Int) -> String, write: ([String]) throws -> Void
    ) throws {
        guard model.scenario.task != .tokens else {
            throw LockstepError(
                .usage, "the run '\(model.scenario.recipe.name)' foretells tokens, not rows",
                remedy: "fine-tune it to classes with model.from, or use lockstep generate or translate")
        }
        if let title { try write([title] + header) }
        try model.forEachSample(of: dataset, batchSize: batchSize) { index, scores in
            try write([name(index)] + fields(scores.map(Double.init)))
        }
    }

    private var header: [String] {
        let names = model.scenario.fitted.classNames
        switch model.scenario.task {
        case .regression, .tokens: return ["prediction"]
        case .classification, .binaryClassification:
            return ["prediction", "probability"] + names.map { "probability of \($0)" }
        }
    }

    private func fields(_ scores: [Double]) -> [String] {
        switch model.scenario.task {
        case .regression, .tokens: return [text(scores[0])]
        case .binaryClassification:
            let positive = 1 / (1 + exp(-scores[0]))
            return describe([1 - positive, positive])
        case .classification:
            let greatest = scores.max() ?? 0
            let powers = scores.map { exp($0 - greatest) }
            let total = powers.reduce(0, +)
            return describe(powers.map { $0 / total })
        }
    }

    private func describe(_ probabilities: [Double]) -> [String] {
        let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
        let names = model.scenario.fitted.classNames
        let name = best < names.count ? names[best] : String(best)
        return [name, text(probabilities[best])] + probabilities.map(text)
    }

    private func text(_ number: Double) -> String { String(format: "%.6g", number) }
}
