import Diagnostics
import Foundation

/// A sequence of tokens that a search found.
public struct Hypothesis: Sendable, Equatable {
    /// The tokens, without the ones that begin and end it.
    public var tokens: [Int32]
    /// The logarithm of its probability, that of its end included.
    public var logProbability: Double
    /// What hypotheses are ranked by: the logarithm divided by the penalty of the length.
    public var score: Double
}

/// Beam search: the likeliest beginnings of a sequence are kept side by side and extended token by token.
///
/// A hypothesis of n tokens, its end counted, is ranked by log p / ((5 + n) / 6)^α (Wu et al., "Google's neural machine
/// translation system", 2016, equation 14). The search of a sentence ends when as many hypotheses as beams have ended and the
/// likeliest beginning, were it to end here, would rank behind all of them. Ties go to the earlier beam and the
/// lower token.
public struct BeamSearch: Sendable, Equatable {
    /// Beginnings that are kept side by side.
    public let beams: Int
    /// α: 0 ranks by probability alone and so prefers short sequences.
    public let lengthPenalty: Double
    /// How many hypotheses are returned, the best first.
    public let best: Int

    /// Creates a search.
    /// - Throws: `LockstepError` (2) for a setting outside of its range.
    public init(beams: Int = 4, lengthPenalty: Double = 0.6, best: Int = 1) throws {
        guard (1...1024).contains(beams) else {
            throw LockstepError(.usage, "a search with \(beams) beams", remedy: "use from 1 to 1024")
        }
        guard lengthPenalty >= 0, lengthPenalty.isFinite else {
            throw LockstepError(.usage, "a length penalty of \(lengthPenalty)", remedy: "use 0 or more")
        }
        guard (1...beams).contains(best) else {
            throw LockstepError(
                .usage, "the best \(best) of \(beams) beams", remedy: "ask for at most as many as beams")
        }
        (self.beams, self.lengthPenalty, self.best) = (beams, lengthPenalty, best)
    }

    /// What a logarithm of a probability is divided by.
    func penalty(_ length: Int) -> Double { pow((5 + Double(length)) / 6, lengthPenalty) }

    /// Searches for several sentences at once.
    /// - Parameters:
    ///   - begin: the token before the first.
    ///   - end: the token that ends a sequence.
    ///   - limits: of each sentence the most tokens, its end counted.
    ///   - logProbabilities: is told, for each beam of each sentence, which earlier beam (by its row of all) it goes on
    ///     with, and its newest token; gives the logarithms of the probabilities of each row's next token.
    /// - Returns: for each sentence the best hypotheses.
    public func run(
        begin: Int32, end: Int32, limits: [Int],
        _ logProbabilities: (_ parents: [Int], _ tokens: [Int32]) throws -> UnsafeBufferPointer<Float>
    ) throws -> [[Hypothesis]] {
        var sentences = limits.enumerated().map { Sentence(firstRow: $0 * beams, limit: max(1, $1), self) }
        var parents = Array(0..<(limits.count * beams))
        var tokens = [Int32](repeating: begin, count: parents.count)
        while sentences.contains(where: { !$0.isDone }) {
            let rows = try logProbabilities(parents, tokens)
            let width = rows.count / max(1, parents.count)
            for index in sentences.indices where !sentences[index].isDone {
                sentences[index].extend(rows, width: width, end: end)
            }
            for (index, sentence) in sentences.enumerated() {
                for beam in 0..<beams {
                    let row = index * beams + beam
                    let live = beam < sentence.live.count ? sentence.live[beam] : nil
                    parents[row] = live?.parent ?? row
                    tokens[row] = live?.tokens.last ?? end
                }
            }
        }
        return sentences.map { Array($0.ended.prefix(best)) }
    }
}

/// The state of one sentence's search.
private struct Sentence {
    /// A beginning: its tokens, its probability, and the row that it goes on with.
    struct Live {
        var tokens: [Int32]
        var logProbability: Double
        var parent: Int
    }

    let firstRow: Int
    let limit: Int
    let search: BeamSearch
    var live: [Live]
    /// Ended hypotheses, the best first.
    var ended: [Hypothesis] = []
    var isDone = false

    init(firstRow: Int, limit: Int, _ search: BeamSearch) {
        (self.firstRow, self.limit, self.search) = (firstRow, limit, search)
        live = [Live(tokens: [], logProbability: 0, parent: firstRow)]
    }

    private struct Candidate {
        var beam: Int
        var token: Int32
        var logProbability: Double
    }

    /// Extends every beginning by every token and keeps the likeliest.
    mutating func extend(_ rows: UnsafeBufferPointer<Float>, width: Int, end: Int32) {
        let candidates = likeliest(rows, width: width)
        var next: [Live] = []
        for (rank, candidate) in candidates.enumerated() where next.count < search.beams {
            let tokens = live[candidate.beam].tokens
            if candidate.token == end {
                if rank < search.beams { add(tokens, candidate.logProbability, length: tokens.count + 1) }
            } else {
                next.append(
                    Live(
                        tokens: tokens + [candidate.token], logProbability: candidate.logProbability,
                        parent: firstRow + candidate.beam))
            }
        }
        live = next
        let length = (live.first?.tokens.count ?? limit)
        if length >= limit || live.isEmpty {
            for beginning in live { add(beginning.tokens, beginning.logProbability, length: limit) }
            isDone = true
        } else if ended.count >= search.beams, let worst = ended.last {
            isDone = worst.score >= live[0].logProbability / search.penalty(length)
        }
    }

    private mutating func add(_ tokens: [Int32], _ logProbability: Double, length: Int) {
        let score = logProbability / search.penalty(length)
        let place = ended.firstIndex { $0.score < score } ?? ended.count
        ended.insert(Hypothesis(tokens: tokens, logProbability: logProbability, score: score), at: place)
        if ended.count > search.beams { ended.removeLast() }
    }

    /// The likeliest extensions, twice as many as beams, so that as many go on even when others end.
    private func likeliest(_ rows: UnsafeBufferPointer<Float>, width: Int) -> [Candidate] {
        let wanted = 2 * search.beams
        var kept: [Candidate] = []
        for (beam, beginning) in live.enumerated() {
            let start = (firstRow + beam) * width
            var least = kept.count < wanted ? -Double.infinity : kept[kept.count - 1].logProbability
            for token in 0..<width {
                let value = beginning.logProbability + Double(rows[start + token])
                guard value > least || (kept.count < wanted && value == least) else { continue }
                let place = kept.firstIndex { $0.logProbability < value } ?? kept.count
                kept.insert(
                    Candidate(beam: beam, token: Int32(token), logProbability: value), at: place)
                if kept.count > wanted { kept.removeLast() }
                if kept.count == wanted { least = kept[wanted - 1].logProbability }
            }
        }
        return kept
    }
}
