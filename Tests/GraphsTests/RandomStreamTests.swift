import Graphs
import Testing

@Suite struct RandomStreamTests {
    @Test func wordsAreTheBlocksInOrder() {
        let stream = RandomStream(seed: 9, purpose: 2, 3, 4)
        let (first, second) = (stream.block(0), stream.block(1))
        let words = [
            first.0, first.1, first.2, first.3, second.0, second.1, second.2, second.3,
        ]
        #expect((0..<8).map(stream.word) == words)
        #expect((0..<8).map(stream.uniform) == words.map { Float($0 >> 8) / 16_777_216 })
    }

    @Test func everyKeyAndCounterMatters() {
        let streams = [
            RandomStream(seed: 1, purpose: 1, 1, 1), RandomStream(seed: 2, purpose: 1, 1, 1),
            RandomStream(seed: 1 << 40, purpose: 1, 1, 1), RandomStream(seed: 1, purpose: 2, 1, 1),
            RandomStream(seed: 1, purpose: 1, 2, 1), RandomStream(seed: 1, purpose: 1, 1, 2),
        ]
        let words = Set(streams.flatMap { stream in (0..<64).map(stream.word) })
        // 384 words of 32 bits: a repetition has odds of about 1 to 58,000.
        #expect(words.count == 384)
    }

    @Test func uniformNumbersAreUniform() {
        let stream = RandomStream(seed: 3, purpose: 3)
        let count = 40_000
        let values = (0..<count).map { Double(stream.uniform($0)) }
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
        var bins = [Int](repeating: 0, count: 20)
        for value in values { bins[Int(value * 20)] += 1 }
        let expected = Double(count) / 20
        let chiSquare = bins.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // 19 degrees of freedom: above 43.8 once in a thousand.
        #expect(chiSquare < 43.8)
    }
}
