import CKernels
import Graphs
import Testing

@Suite struct RandomKernelTests {
    /// The generator's published answers (the file `kat_vectors` of Random123, philox4x32-10).
    @Test func philoxGivesThePublishedWords() {
        let zero = RandomStream(seed: 0, purpose: 0).block(0)
        #expect([zero.0, zero.1, zero.2, zero.3] == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
        let ones = RandomStream(seed: .max, purpose: 0, .max, .max).block(.max)
        #expect([ones.0, ones.1, ones.2, ones.3] == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    }

    @Test(arguments: [1, 3, 4, 5, 63, 64, 65, 300], [UInt64(0), 42, 0x1234_5678_9abc_def0, .max])
    func dropoutTakesTheWordsOfTheStream(width: Int, seed: UInt64) {
        let (samples, ordinal, step, first) = (3, UInt32(7), UInt32(1_000_003), UInt32(4_294_967_294))
        let x = (0..<samples * width).map { Float($0 + 1) }
        let threshold = UInt32(0.3 * 0x1p32)
        let expected = (0..<samples * width).map { index -> Float in
            let stream = RandomStream(
                seed: seed, purpose: ordinal, first &+ UInt32(index / width), step)
            return stream.word(index % width) >= threshold ? x[index] * 1.5 : 0
        }
        var key = lk_dropout_arguments(
            seed: seed, ordinal: ordinal, first_sample: first, step: step, threshold: threshold, scale: 1.5)
        withEachInstructionSet { _ in
            var y = GuardedFloats(count: x.count)
            y.withPointer { lk_dropout(&key, x, LK_FLOAT32, $0, LK_FLOAT32, samples, width) }
            #expect(y.isIntact && y.values == expected)
        }
        var twin = GuardedFloats(count: x.count)
        twin.withPointer { lkr_dropout(&key, x, LK_FLOAT32, $0, LK_FLOAT32, samples, width) }
        #expect(twin.values == expected)
    }

    @Test func dropoutKeepsItsShareAndItsMean() {
        let count = 100_000
        let x = [Float](repeating: 1, count: count)
        var key = lk_dropout_arguments(
            seed: 5, ordinal: 1, first_sample: 0, step: 0, threshold: UInt32(0.2 * 0x1p32), scale: 1.25)
        var y = [Float](repeating: 0, count: count)
        lk_dropout(&key, x, LK_FLOAT32, &y, LK_FLOAT32, 1, count)
        let kept = Double(y.count { $0 != 0 }) / Double(count)
        // Four standard deviations of the share of 100,000 draws.
        #expect(abs(kept - 0.8) < 4 * (0.16 / Double(count)).squareRoot())
        #expect(y.allSatisfy { $0 == 0 || $0 == 1.25 })
    }
}
