import Diagnostics
import Foundation
import Graphs
import Inference
import NeuralNetworks
import Testing

/// Translations with cached keys and values against a search that reads everything again for each token.
@Suite struct BeamSearchTests {
    private let vocabulary = 23
    private let tokens = TokenTranslator.Tokens(begin: 1, end: 2, padding: 0)

    private func model(_ order: NormOrder = .before) throws -> TestModel {
        var configuration = EncoderDecoderTransformer.Configuration(
            vocabularySize: vocabulary, layers: 2, width: 32, heads: 4, hidden: 48, dropout: 0.1)
        configuration.order = order
        return try TestModel(
            EncoderDecoderTransformer(configuration),
            inputs: ["source", "inputs"].map { ModelTrace.Field($0, [5], .int32) })
    }

    private func sentences() -> [[Int32]] {
        let stream = RandomStream(seed: 8, purpose: 5)
        return [3, 9, 1, 6, 0, 12].enumerated().map { number, count in
            (0..<count).map { Int32(3 + stream.word(number * 100 + $0) % UInt32(vocabulary - 3)) }
        }
    }

    private func translator(_ model: TestModel, batchSize: Int) throws -> TokenTranslator {
        let transformer = try #require(model.model as? EncoderDecoderTransformer)
        return TokenTranslator(
            transformer, layout: model.layout, parameters: model.parameters, tokens: tokens,
            batchSize: batchSize)
    }

    /// The logarithms of the next token's probabilities, all tokens read again.
    private func next(_ model: TestModel, _ source: [Int32], _ beginning: [Int32]) throws -> [Double] {
        let all = try model.forward([[source + [tokens.end]], [[tokens.begin] + beginning]])
        let logits = all.suffix(vocabulary).map(Double.init)
        let sum = log(logits.reduce(0) { $0 + exp($1) })
        return logits.map { $0 - sum }
    }

    /// The plainest beam search of one sentence.
    private func plain(_ model: TestModel, _ source: [Int32], beams: Int, alpha: Double, limit: Int) throws
        -> [(tokens: [Int32], score: Double)]
    {
        func penalty(_ length: Int) -> Double { pow((5 + Double(length)) / 6, alpha) }
        var live: [(tokens: [Int32], sum: Double)] = [([], 0)]
        var ended: [(tokens: [Int32], score: Double)] = []
        while true {
            var all: [(tokens: [Int32], sum: Double)] = []
            for beginning in live {
                for (token, logarithm) in try next(model, source, beginning.tokens).enumerated() {
                    all.append((beginning.tokens + [Int32(token)], beginning.sum + logarithm))
                }
            }
            all.sort { $0.sum > $1.sum }
            live = []
            for (rank, candidate) in all.prefix(2 * beams).enumerated() where live.count < beams {
                if candidate.tokens.last != tokens.end {
                    live.append(candidate)
                } else if rank < beams {
                    ended.append(
                        (
                            Array(candidate.tokens.dropLast()),
                            candidate.sum / penalty(candidate.tokens.count)
                        ))
                }
            }
            ended = Array(ended.sorted { $0.score > $1.score }.prefix(beams))
            let length = live[0].tokens.count
            if length == limit {
                ended += live.map { ($0.tokens, $0.sum / penalty(limit)) }
                return Array(ended.sorted { $0.score > $1.score }.prefix(beams))
            }
            if ended.count == beams, ended[beams - 1].score >= live[0].sum / penalty(length) { return ended }
        }
    }

    @Test(arguments: [NormOrder.before, .after]) func againstPlainSearch(order: NormOrder) throws {
        let model = try model(order)
        for (beams, alpha) in [(1, 0.0), (3, 0.6), (4, 1.0)] {
            let search = try BeamSearch(beams: beams, lengthPenalty: alpha, best: beams)
            let found = try translator(model, batchSize: 4).translate(
                sentences(), search, maximumLength: 9)
            for (source, hypotheses) in zip(sentences(), found) where !source.isEmpty {
                let expected = try plain(model, source, beams: beams, alpha: alpha, limit: 9)
                #expect(hypotheses.map(\.tokens) == expected.map(\.tokens), "\(beams) beams")
                for (hypothesis, wanted) in zip(hypotheses, expected) {
                    #expect(abs(hypothesis.score - wanted.score) < 1e-4)
                }
            }
            #expect(found[4].map(\.tokens) == [[]])
        }
    }

    /// One sentence alone or beside others: the same translation.
    @Test func batchesDoNotMatter() throws {
        let model = try model()
        let search = try BeamSearch(beams: 3, best: 2)
        let together = try translator(model, batchSize: 6).translate(sentences(), search, maximumLength: 12)
        let alone = try translator(model, batchSize: 1).translate(sentences(), search, maximumLength: 12)
        for (one, other) in zip(together, alone) {
            #expect(one.map(\.tokens) == other.map(\.tokens))
        }
    }

    @Test func refusals() throws {
        #expect(throws: LockstepError.self) { try BeamSearch(beams: 0) }
        #expect(throws: LockstepError.self) { try BeamSearch(beams: 2, best: 3) }
        #expect(throws: LockstepError.self) { try BeamSearch(lengthPenalty: .nan) }
        let model = try model()
        #expect(throws: LockstepError.self) {
            try translator(model, batchSize: 2).translate([[99]], try BeamSearch())
        }
    }
}
