import Diagnostics
import Foundation

/// Sums that batches add to an evaluation, kept batch by batch, so that their total has the same bits for every order
/// of arrival and every partition among ranks.
public struct BatchSums: Codable, Sendable, Equatable {
    /// What one batch adds.
    public struct Part: Codable, Sendable, Equatable {
        /// The batch's number in the evaluation, from 0.
        public var batch: Int
        /// How much was summed: samples or tokens.
        public var count: Int
        /// The sums.
        public var sums: [Double]
    }

    /// The parts by rising batch number, each once.
    public private(set) var parts: [Part] = []

    /// Creates an empty collection.
    public init() {}

    /// How much was summed.
    public var count: Int { parts.reduce(0) { $0 + $1.count } }

    /// The total of sum number `index`, by the canonical tree over batches.
    public func total(_ index: Int) -> Double { CanonicalSum.of(parts.map { $0.sums[index] }) }

    /// Adds a batch.
    /// - Throws: 78 where it is there already, or has another number of sums.
    public mutating func insert(_ part: Part) throws { try merge([part]) }

    /// Adds all batches of another collection; on an error nothing is added.
    /// - Throws: 78 where a batch is in both.
    public mutating func merge(_ other: BatchSums) throws { try merge(other.parts) }

    private mutating func merge(_ others: [Part]) throws {
        let all = (parts + others).sorted { $0.batch < $1.batch }
        for (left, right) in zip(all, all.dropFirst()) {
            guard left.batch != right.batch, left.sums.count == right.sums.count else {
                throw LockstepError(
                    .mismatch, "evaluation batch \(right.batch) was counted twice, or differs in kind")
            }
        }
        parts = all
    }
}

/// How well a language model foresees a text: exp of the mean loss a token.
public struct Perplexity: Codable, Sendable, Equatable {
    private var sums = BatchSums()

    /// Of nothing.
    public init() {}

    /// Adds a batch.
    /// - Parameters:
    ///   - lossSum: the unnormalised sum of the cross-entropy in nats.
    ///   - tokenCount: the tokens that count, ignored ones left out.
    /// - Throws: 78 where the batch is there already; 65 for a negative number of tokens.
    public mutating func accumulate(batch: Int, lossSum: Double, tokenCount: Int) throws {
        guard tokenCount >= 0 else {
            throw LockstepError(.badData, "a batch cannot have \(tokenCount) tokens")
        }
        try sums.insert(BatchSums.Part(batch: batch, count: tokenCount, sums: [lossSum]))
    }

    /// Adds all that another rank accumulated.
    /// - Throws: 78 where a batch is in both.
    public mutating func merge(_ other: Perplexity) throws { try sums.merge(other.sums) }

    /// The tokens that were counted.
    public var tokenCount: Int { sums.count }

    /// The mean loss a token in nats; nil without tokens.
    public var meanLoss: Double? { tokenCount == 0 ? nil : sums.total(0) / Double(tokenCount) }

    /// The perplexity; nil without tokens.
    public var value: Double? { meanLoss.map { exp($0) } }
}
