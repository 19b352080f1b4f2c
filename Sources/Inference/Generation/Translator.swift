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
        let sources = lines.map { tokenizer.encode($0) }
        // Neighbours in length go to one thread, so that little is filled up.
        let order = sources.indices.sorted { (sources[$0].count, $0) < (sources[$1].count, $1) }
        let batches = stride(from: 0, to: order.count, by: batchSize).map {
            Array(order[$0..<min(order.count, $0 + batchSize)])
        }
        let work = (0..<max(1, min(threads, batches.count))).map { thread in
            Share(batches: stride(from: thread, to: batches.count, by: max(1, threads)).map { batches[$0] })
        }
        DispatchQueue.concurrentPerform(iterations: work.count) { thread in
            do {
                try translate(work[thread], sources, search)
            } catch {
                work[thread].error = error
            }
        }
        if let error = work.lazy.compactMap(\.error).first { throw error }
        var results = [[Translation]](repeating: [], count: lines.count)
        for share in work { for (line, translations) in share.found { results[line] = translations } }
        return results
    }

    /// What one thread does.
    private final class Share: @unchecked Sendable {
        let batches: [[Int]]
        var found: [(line: Int, translations: [Translation])] = []
        var error: (any Error)?

        init(batches: [[Int]]) { self.batches = batches }
    }

    private func translate(_ share: Share, _ sources: [[Int32]], _ search: BeamSearch) throws {
        Program.useOneThread()
        let frame = FittedParallel.frame
        let translator = TokenTranslator(
            transformer, layout: model.layout, parameters: model.parameters,
            tokens: .init(begin: frame.begin, end: frame.end, padding: frame.padding), batchSize: batchSize)
        for batch in share.batches {
            let hypotheses = try translator.translate(batch.map { sources[$0] }, search)
            for (line, found) in zip(batch, hypotheses) {
                share.found.append(
                    (line, found.map { Translation(text: tokenizer.decode($0.tokens), score: $0.score) }))
            }
        }
    }

    /// BLEU of the best translations of lines, cased and detokenized, with the word splitting 13a.
    /// - Throws: `LockstepError` when a program fails.
    public func bleu(
        _ lines: [(source: String, target: String)], _ search: BeamSearch, threads: Int = 1
    ) throws -> BLEU {
        var bleu = BLEU()
        let translations = try translate(lines.map(\.source), search, threads: threads)
        for (line, found) in zip(lines, translations) {
            try bleu.add(found.first?.text ?? "", references: [line.target])
        }
        return bleu
    }
}
