import Diagnostics
import Foundation
import Metrics
import Testing

/// What `Recording/record_text.py` recorded from sacrebleu and rouge_score.
private struct RecordedText: Decodable {
    struct Translation: Decodable {
        var name: String
        var translations: [String]
        var references: [[String]]
        var score: Double
        var counts: [Int]
        var totals: [Int]
        var precisions: [Double]
        var penalty: Double
        var translationLength: Int
        var referenceLength: Int
    }

    struct Summary: Decodable {
        var summaries: [String]
        var references: [String]
        var scores: [[Double]]
    }

    var bleu: [Translation]
    var rouge: Summary

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/text.json")
        self = try JSONDecoder().decode(RecordedText.self, from: Data(contentsOf: path))
    }
}

@Suite struct BLEUTests {
    private let recorded: [RecordedText.Translation]

    init() throws { recorded = try RecordedText().bleu }

    @Test func equalsSacreBLEU() throws {
        #expect(recorded.count == 9)
        for wanted in recorded {
            var bleu = BLEU()
            for (index, translation) in wanted.translations.enumerated() {
                try bleu.add(translation, references: wanted.references.map { $0[index] })
            }
            #expect(bleu.matchCounts == wanted.counts && bleu.totalCounts == wanted.totals, "\(wanted.name)")
            #expect(bleu.translationLength == wanted.translationLength, "\(wanted.name)")
            #expect(bleu.referenceLength == wanted.referenceLength, "\(wanted.name)")
            #expect(isNear(bleu.score, wanted.score), "\(wanted.name): \(bleu.score)")
            #expect(zip(bleu.precisions, wanted.precisions).allSatisfy { isNear($0, $1) })
            #expect(isNear(bleu.brevityPenalty, wanted.penalty))
        }
    }

    @Test func mergesExactly() throws {
        var generator = SeededGenerator(state: 3)
        let corpus = recorded[0]
        var alone = BLEU()
        var ranks = [BLEU](repeating: BLEU(), count: 3)
        for (translation, reference) in zip(corpus.translations, corpus.references[0]) {
            try alone.add(translation, references: [reference])
            try ranks[Int.random(in: 0..<3, using: &generator)].add(translation, references: [reference])
        }
        var merged = BLEU()
        for rank in ranks {
            merged.merge(try JSONDecoder().decode(BLEU.self, from: JSONEncoder().encode(rank)))
        }
        #expect(merged == alone && merged.count == 60)
    }

    @Test func whatCannotBeIsRefused() throws {
        var bleu = BLEU()
        #expect(throws: LockstepError.self) { try bleu.add("a", references: []) }
        #expect(bleu == BLEU() && bleu.score == 0)
        let text = String(decoding: try JSONEncoder().encode(bleu), as: UTF8.self)
        for (from, to) in [("[0,0,0,0]", "[0]"), ("\"count\":0", "\"count\":-1")] {
            let changed = text.replacingOccurrences(of: from, with: to)
            #expect(changed != text)
            #expect(throws: (any Error).self) {
                try JSONDecoder().decode(BLEU.self, from: Data(changed.utf8))
            }
        }
    }
}

@Suite struct ROUGETests {
    @Test func equalsThePackage() throws {
        let recorded = try RecordedText().rouge
        for (index, wanted) in recorded.scores.enumerated() {
            let scores = ROUGE.Scores(recorded.summaries[index], reference: recorded.references[index])
            let found = [scores.one, scores.two, scores.longest].flatMap { [$0.precision, $0.recall, $0.f1] }
            #expect(zip(found, wanted).allSatisfy { isNear($0, $1) }, "\(index): \(found) \(wanted)")
        }
    }

    /// Whatever rank has which batch, the means have the same bits.
    @Test func mergesExactly() throws {
        let recorded = try RecordedText().rouge
        var batches: [(Int, [String], [String])] = []
        for start in stride(from: 0, to: recorded.summaries.count, by: 4) {
            let range = start..<min(start + 4, recorded.summaries.count)
            batches.append((start / 4, Array(recorded.summaries[range]), Array(recorded.references[range])))
        }
        var alone = ROUGE()
        for (batch, summaries, references) in batches {
            try alone.accumulate(batch: batch, summaries: summaries, references: references)
        }
        var ranks = [ROUGE(), ROUGE()]
        for (batch, summaries, references) in batches.reversed() {
            try ranks[batch % 2].accumulate(batch: batch, summaries: summaries, references: references)
        }
        try ranks[0].merge(ranks[1])
        #expect(
            ranks[0] == alone && ranks[0].scores == alone.scores && alone.count == recorded.summaries.count)
        let mean = recorded.scores.reduce(0) { $0 + $1[8] } / Double(recorded.scores.count)
        #expect(isNear(alone.scores?.longest.f1, mean))
        #expect(throws: LockstepError.self) { try alone.merge(ranks[1]) }
        #expect(throws: LockstepError.self) {
            try alone.accumulate(batch: 99, summaries: ["a"], references: [])
        }
        #expect(ROUGE().scores == nil)
    }
}

@Suite struct PerplexityTests {
    @Test func isExpOfTheMeanAndMergesExactly() throws {
        var alone = Perplexity()
        var ranks = [Perplexity(), Perplexity(), Perplexity()]
        for batch in 0..<10 {
            let (loss, count) = (Double(batch) * 1.1 + 0.3, batch * 3)
            try alone.accumulate(batch: batch, lossSum: loss, tokenCount: count)
            try ranks[(batch * 7) % 3].accumulate(batch: batch, lossSum: loss, tokenCount: count)
        }
        try ranks[2].merge(ranks[0])
        try ranks[2].merge(ranks[1])
        #expect(ranks[2].value?.bitPattern == alone.value?.bitPattern && alone.tokenCount == 135)
        #expect(isNear(alone.value, exp((45 * 1.1 + 3) / 135)))
        #expect(throws: LockstepError.self) { try alone.accumulate(batch: 3, lossSum: 0, tokenCount: 1) }
        #expect(throws: LockstepError.self) { try alone.accumulate(batch: 30, lossSum: 0, tokenCount: -1) }
        #expect(Perplexity().value == nil)
    }
}
