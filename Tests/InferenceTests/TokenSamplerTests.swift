import Diagnostics
import Foundation
import Inference
import Testing

/// Draws follow the probabilities, and are the same for the same seed.
@Suite struct TokenSamplerTests {
    /// Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1.
    private let logits: [Float] = [1, 0.5, 0.25, 0.25].map { Foundation.log(Float($0)) }

    private func shares(_ sampler: TokenSampler, _ count: Int = 8000) -> [Double] {
        var counts = [Double](repeating: 0, count: logits.count)
        logits.withUnsafeBufferPointer { logits in
            for number in 0..<count { counts[Int(sampler.token(logits, number: number))] += 1 }
        }
        return counts.map { $0 / Double(count) }
    }

    private func expect(_ sampler: TokenSampler, _ expected: [Double]) {
        for (share, wanted) in zip(shares(sampler), expected) {
            #expect(wanted == 0 ? share == 0 : abs(share - wanted) < 0.02, "\(sampler)")
        }
    }

    @Test func probabilities() throws {
        expect(try TokenSampler(), [0.5, 0.25, 0.125, 0.125])
        // Squared and normalized.
        expect(try TokenSampler(temperature: 0.5, seed: 1), [8.0 / 11, 2.0 / 11, 0.5 / 11, 0.5 / 11])
        expect(try TokenSampler(topK: 2, seed: 2), [2.0 / 3, 1.0 / 3, 0, 0])
        expect(try TokenSampler(topK: 3, seed: 3), [4.0 / 7, 2.0 / 7, 1.0 / 7, 0])
        expect(try TokenSampler(topP: 0.5, seed: 4), [1, 0, 0, 0])
        expect(try TokenSampler(topP: 0.6, seed: 5), [2.0 / 3, 1.0 / 3, 0, 0])
        expect(try TokenSampler(topK: 2, topP: 0.66, seed: 6), [1, 0, 0, 0])
        expect(try TokenSampler(temperature: 0), [1, 0, 0, 0])
    }

    @Test func seeds() throws {
        let draws = try [1, 1, 2].map { (seed: UInt64) in
            let sampler = try TokenSampler(seed: seed)
            return logits.withUnsafeBufferPointer { logits in
                (0..<50).map { sampler.token(logits, number: $0) }
            }
        }
        #expect(draws[0] == draws[1] && draws[0] != draws[2])
    }

    @Test func wrongSettings() {
        #expect(throws: LockstepError.self) { try TokenSampler(temperature: -1) }
        #expect(throws: LockstepError.self) { try TokenSampler(temperature: .nan) }
        #expect(throws: LockstepError.self) { try TokenSampler(topK: 0) }
        for share in [0, 1.1, .nan] {
            #expect(throws: LockstepError.self) { try TokenSampler(topP: share) }
        }
    }
}
