import Diagnostics
import Foundation
import Graphs

/// Chooses the next token from logits. The same seed gives the same tokens: each draw is a pure function of the seed and
/// the number of the token.
public struct TokenSampler: Sendable, Equatable {
    /// What logits are divided by: below 1 likely tokens get likelier; 0 always takes the likeliest.
    public let temperature: Double
    /// How many of the likeliest tokens may be chosen; `nil` for all.
    public let topK: Int?
    /// Only the likeliest tokens that together reach this probability may be chosen, of those that `topK` leaves
    /// (Holtzman et al., "The curious case of neural text degeneration", 2020); `nil` for all.
    public let topP: Double?
    /// The seed of the draws.
    public let seed: UInt64

    /// Creates a sampler.
    /// - Throws: `LockstepError` (2) for a setting outside of its range.
    public init(temperature: Double = 1, topK: Int? = nil, topP: Double? = nil, seed: UInt64 = 0) throws {
        guard temperature >= 0, temperature.isFinite else {
            throw LockstepError(
                .usage, "a temperature of \(temperature)", remedy: "use 0 (always the likeliest) or more")
        }
        guard topK.map({ $0 > 0 }) ?? true else {
            throw LockstepError(.usage, "top-k of \(topK ?? 0)", remedy: "use at least 1, or leave it out")
        }
        guard topP.map({ $0 > 0 && $0 <= 1 }) ?? true else {
            throw LockstepError(
                .usage, "top-p of \(topP ?? 0)", remedy: "use a probability above 0, up to 1")
        }
        (self.temperature, self.topK, self.topP, self.seed) = (temperature, topK, topP, seed)
    }

    /// Chooses a token.
    /// - Parameter number: which token of the text it is: the key of the draw.
    public func token(_ logits: UnsafeBufferPointer<Float>, number: Int) -> Int32 {
        var best = 0
        for index in logits.indices where logits[index] > logits[best] { best = index }
        guard temperature > 0, !logits.isEmpty else { return Int32(best) }
        var tokens = Array(logits.indices)
        if topK != nil || topP != nil {
            tokens.sort { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
            tokens = Array(tokens.prefix(topK ?? tokens.count))
        }
        let greatest = Double(logits[best])
        var weights = tokens.map { exp((Double(logits[$0]) - greatest) / temperature) }
        if let topP {
            let limit = topP * weights.reduce(0, +)
            var sum = 0.0
            let count = weights.firstIndex {
                sum += $0
                return sum >= limit
            }
            weights = Array(weights.prefix((count ?? weights.count - 1) + 1))
        }
        var rest = uniform(number) * weights.reduce(0, +)
        for (token, weight) in zip(tokens, weights) {
            rest -= weight
            if rest < 0 { return Int32(token) }
        }
        return Int32(tokens[weights.lastIndex { $0 > 0 } ?? 0])
    }

    /// A number in [0, 1) with 53 random bits.
    private func uniform(_ number: Int) -> Double {
        let words = RandomStream(seed: seed, purpose: 0x7465_7874).block(UInt64(max(0, number)))
        let bits = UInt64(words.0) << 32 | UInt64(words.1)
        return Double(bits >> 11) * 0x1p-53
    }
}
