import Diagnostics

/// How much summaries share with their references (Lin 2004): single words (ROUGE-1), pairs (ROUGE-2) and the longest
/// common subsequence (ROUGE-L), as the package `rouge_score` computes them without a stemmer.
public struct ROUGE: Codable, Sendable, Equatable {
    /// Precision, recall and their harmonic mean, from 0 to 1.
    public struct Score: Codable, Sendable, Equatable {
        /// The share of the summary that is in the reference.
        public var precision: Double
        /// The share of the reference that is in the summary.
        public var recall: Double
        /// The harmonic mean of both.
        public var f1: Double

        /// `matches` of `found` and of `wanted`; a share of nothing is 0.
        init(matches: Int, found: Int, wanted: Int) {
            precision = found == 0 ? 0 : Double(matches) / Double(found)
            recall = wanted == 0 ? 0 : Double(matches) / Double(wanted)
            f1 = precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
        }

        fileprivate init(_ sums: BatchSums, from index: Int) {
            let count = Double(sums.count)
            precision = sums.total(index) / count
            recall = sums.total(index + 1) / count
            f1 = sums.total(index + 2) / count
        }
    }

    /// The scores of one summary, or the means of many.
    public struct Scores: Codable, Sendable, Equatable {
        /// By single words.
        public var one: Score
        /// By pairs of neighbouring words.
        public var two: Score
        /// By the longest common subsequence.
        public var longest: Score

        /// The scores of one summary.
        public init(_ summary: String, reference: String) {
            let (found, wanted) = (ROUGE.words(summary), ROUGE.words(reference))
            one = ROUGE.overlap(found, wanted, order: 1)
            two = ROUGE.overlap(found, wanted, order: 2)
            longest = Score(
                matches: ROUGE.commonLength(found, wanted), found: found.count, wanted: wanted.count)
        }

        fileprivate init(_ sums: BatchSums) {
            (one, two, longest) = (Score(sums, from: 0), Score(sums, from: 3), Score(sums, from: 6))
        }
    }

    private var sums = BatchSums()

    /// Of nothing.
    public init() {}

    /// Adds a batch of summaries, each with its reference.
    /// - Throws: 78 where the batch is there already; 65 where numbers differ.
    public mutating func accumulate(batch: Int, summaries: [String], references: [String]) throws {
        guard summaries.count == references.count else {
            throw LockstepError(
                .badData,
                "evaluation batch \(batch) has \(summaries.count) summaries for \(references.count) references"
            )
        }
        var total = [Double](repeating: 0, count: 9)
        for (summary, reference) in zip(summaries, references) {
            let scores = Scores(summary, reference: reference)
            for (kind, score) in [scores.one, scores.two, scores.longest].enumerated() {
                total[3 * kind] += score.precision
                total[3 * kind + 1] += score.recall
                total[3 * kind + 2] += score.f1
            }
        }
        try sums.insert(BatchSums.Part(batch: batch, count: summaries.count, sums: total))
    }

    /// Adds all that another rank accumulated.
    /// - Throws: 78 where a batch is in both.
    public mutating func merge(_ other: ROUGE) throws { try sums.merge(other.sums) }

    /// The number of summaries.
    public var count: Int { sums.count }

    /// The means over all summaries; nil without one.
    public var scores: Scores? { count == 0 ? nil : Scores(sums) }

    /// Runs of ASCII letters and digits, lower-cased.
    private static func words(_ text: String) -> [Substring] {
        let isWord: (UInt8) -> Bool = { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }
        let lower = String(decoding: text.lowercased().utf8.map { isWord($0) ? $0 : 0x20 }, as: UTF8.self)
        return lower.split(separator: " ")
    }

    private static func overlap(_ found: [Substring], _ wanted: [Substring], order: Int) -> Score {
        func counts(_ words: [Substring]) -> [[Substring]: Int] {
            var counts: [[Substring]: Int] = [:]
            for start in 0..<max(0, words.count - order + 1) {
                counts[Array(words[start..<(start + order)]), default: 0] += 1
            }
            return counts
        }
        let wantedCounts = counts(wanted)
        let matches = counts(found).reduce(0) { $0 + min($1.value, wantedCounts[$1.key] ?? 0) }
        return Score(
            matches: matches, found: max(0, found.count - order + 1), wanted: max(0, wanted.count - order + 1)
        )
    }

    /// The length of the longest common subsequence, with one row of the usual table in memory.
    private static func commonLength(_ one: [Substring], _ other: [Substring]) -> Int {
        var lengths = [Int](repeating: 0, count: other.count + 1)
        for word in one {
            var diagonal = 0
            for (index, candidate) in other.enumerated() {
                let above = lengths[index + 1]
                lengths[index + 1] = word == candidate ? diagonal + 1 : max(above, lengths[index])
                diagonal = above
            }
        }
        return lengths[other.count]
    }
}
