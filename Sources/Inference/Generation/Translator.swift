import DataPipeline
import Diagnostics
import Execution
import Foundation
import Metrics
import NeuralNetworks
import Scenarios

/// Translates lines of text with a trained model, several threads side by side.
public final class Translator: @unchecked Sendable {
    /// A translation of a line.
    public struct Translation: Codable, Sendable, Equatable {
        /// The text.
        public var text: String
        /// What translations of a line are ranked by: see ``BeamSearch``.
        public var score: Double
    }

    private let model: TrainedModel
    private let tokenizer: ByteLevelTokenizer
    private let transformer: EncoderDecoderTransformer
    private let batchSize: Int

    /// Prepares translations.
    /// - Throws: `LockstepError` (2) where the run trained something else.
    public init(_ model: TrainedModel, batchSize: Int = 32) throws {
        guard case .parallel(let fitted) = model.scenario.fitted,
            let transformer = model.scenario.model as? EncoderDecoderTransformer
        else {
            throw LockstepError(
                .usage, "the run '\(model.scenario.recipe.name)' trained no translation",
                remedy: "translate with a run of task: translation")
        }
        (self.model, tokenizer, self.transformer) = (model, fitted.tokenizer, transformer)
        self.batchSize = batchSize
    }

    /// Translates lines.
    /// - Returns: for each line its best translations; of an empty line the empty one.
    /// - Throws: `LockstepError` when a program fails.
    public func translate(_ lines: [String], _ search: BeamSearch, threads: Int = 1) throws -> [[Translation]]
    {
        var results = [[Translation]](repeating: [], count: lines.count)
        for batch in try translate(lines, search, threads: threads, part: 0, of: 1) {
            for (line, translations) in zip(batch.lines, batch.found) { results[line] = translations }
        }
        return results
    }

    /// Lines that are translated together.
    private struct Batch: Sendable {
        /// Its number among the batches of all ranks.
        let number: Int
        let lines: [Int]
        var found: [[Translation]] = []
    }

    /// Translates every `count`-th batch from number `part` on. Batches are cut without regard to ranks and threads: what
    /// stands beside a line, and so its bits, is the same for all of them.
    /// - Returns: the batches by rising number.
    private func translate(
        _ lines: [String], _ search: BeamSearch, threads: Int, part: Int, of count: Int
    ) throws -> [Batch] {
        let sources = lines.map { tokenizer.encode($0) }
        // Neighbours in length go together, so that little is filled up.
        let order = sources.indices.sorted { (sources[$0].count, $0) < (sources[$1].count, $1) }
        let batches = stride(from: 0, to: order.count, by: batchSize).enumerated().map { number, first in
            Batch(number: number, lines: Array(order[first..<min(order.count, first + batchSize)]))
        }
        let own = stride(from: part, to: batches.count, by: count).map { batches[$0] }
        let work = (0..<max(1, min(threads, own.count))).map { thread in
            Share(batches: stride(from: thread, to: own.count, by: max(1, threads)).map { own[$0] })
        }
        DispatchQueue.concurrentPerform(iterations: work.count) { thread in
            do {
                try translate(work[thread], sources, search)
            } catch {
                work[thread].error = error
            }
        }
        if let error = work.lazy.compactMap(\.error).first { throw error }
        return work.flatMap(\.batches).sorted { $0.number < $1.number }
    }

    /// What one thread does.
    private final class Share: @unchecked Sendable {
        var batches: [Batch]
        var error: (any Error)?

        init(batches: [Batch]) { self.batches = batches }
    }

    private func translate(_ share: Share, _ sources: [[Int32]], _ search: BeamSearch) throws {
        Program.useOneThread()
        let frame = FittedParallel.frame
        let translator = TokenTranslator(
            transformer, layout: model.layout, parameters: model.parameters,
            tokens: .init(begin: frame.begin, end: frame.end, padding: frame.padding), batchSize: batchSize)
        for place in share.batches.indices {
            let hypotheses = try translator.translate(share.batches[place].lines.map { sources[$0] }, search)
            share.batches[place].found = hypotheses.map { found in
                found.map { Translation(text: tokenizer.decode($0.tokens), score: $0.score) }
            }
        }
    }

    /// How near the best translations of lines come to their references: of every `count`-th batch of lines from number
    /// `part` on, the share of one rank of `count`.
    /// - Throws: `LockstepError` when a program fails.
    public func scores(
        _ lines: [(source: String, target: String)], _ search: BeamSearch, threads: Int = 1, part: Int = 0,
        of count: Int = 1
    ) throws -> TranslationScores {
        var scores = TranslationScores()
        let batches = try translate(lines.map(\.source), search, threads: threads, part: part, of: count)
        for batch in batches {
            try scores.accumulate(
                batch: batch.number, translations: batch.found.map { $0.first?.text ?? "" },
                references: batch.lines.map { lines[$0].target })
        }
        return scores
    }
}
