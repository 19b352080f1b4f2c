import Diagnostics
import Metrics
import Testing

@Suite struct EvaluationPartTests {
    let parts = [
        EvaluationPart(
            batch: 7, lossSum: 0.1, scores: [1.5, -.infinity, Float.leastNonzeroMagnitude],
            labels: [0, -1, .max]),
        EvaluationPart(batch: 0, lossSum: -0.0, scores: [], labels: []),
        EvaluationPart(batch: 1 << 40, lossSum: 1e300, scores: [1, 2, 3, 4], targets: [-0.0, 0.1]),
        EvaluationPart(batch: 3, lossSum: 2.5, tokenCount: 1 << 33, rightCount: 12),
    ]

    @Test func comesBackBitByBit() throws {
        for part in parts {
            let back = try EvaluationPart(decoding: part.encode())
            #expect(back == part)
            #expect(back.lossSum.bitPattern == part.lossSum.bitPattern)
        }
        let nan = Float(bitPattern: 0x7fc0_1234)
        let odd = EvaluationPart(batch: 0, lossSum: .nan, scores: [nan], targets: [nan])
        let back = try EvaluationPart(decoding: odd.encode())
        #expect(back.scores[0].bitPattern == nan.bitPattern)
        #expect(back.lossSum.bitPattern == odd.lossSum.bitPattern)
    }

    @Test func everyFlippedBitAndEveryCutIsNoticed() {
        for part in parts {
            let bytes = part.encode()
            for length in 0..<bytes.count { expectDamaged(Array(bytes[..<length])) }
            expectDamaged(bytes + [0])
            for bit in 0..<8 * bytes.count {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << (bit % 8)
                expectDamaged(flipped)
            }
        }
    }

    private func expectDamaged(_ bytes: [UInt8]) {
        do {
            _ = try EvaluationPart(decoding: bytes)
            Issue.record("damage went unnoticed")
        } catch { #expect((error as? LockstepError)?.code == .badData) }
    }
}
