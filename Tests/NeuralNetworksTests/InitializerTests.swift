import Graphs
import NeuralNetworks
import Testing

@Suite struct InitializerTests {
    private func values(_ initializer: any Initializer, _ shape: Shape, seed: UInt64 = 1) -> [Float] {
        var result = [Float](repeating: .nan, count: shape.elementCount)
        result.withUnsafeMutableBufferPointer {
            initializer.fill($0, shape: shape, stream: RandomStream(seed: seed, purpose: 1))
        }
        return result
    }

    private func moments(_ values: [Float]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        let square = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        return (mean, (square / Double(values.count)).squareRoot())
    }

    @Test func glorotIsUniformWithinItsLimit() {
        let values = values(Glorot(), [300, 100])
        let limit = (6.0 / 400).squareRoot()
        #expect(values.allSatisfy { abs(Double($0)) <= limit * 1.000001 })
        let (mean, deviation) = moments(values)
        // 30,000 draws: four standard errors are 0.023 deviations of the mean.
        #expect(abs(mean) < 0.025 * deviation)
        #expect(abs(deviation / (limit / 3.0.squareRoot()) - 1) < 0.02)
        #expect(Double(values.max() ?? 0) > 0.99 * limit && Double(values.min() ?? 0) < -0.99 * limit)
    }

    @Test(arguments: [(0.05, [300, 100]), (2.0, [30_000])] as [(Double, [Int])])
    func normalIsNormal(deviation: Double, shape: [Int]) {
        let values = values(Normal(deviation: deviation), Shape(shape))
        let (mean, measured) = moments(values)
        #expect(abs(mean) < 0.025 * deviation)
        #expect(abs(measured / deviation - 1) < 0.02)
        let beyondTwo = Double(values.count { abs(Double($0)) > 2 * deviation }) / Double(values.count)
        #expect(abs(beyondTwo - 0.0455) < 0.006)
        #expect(values.allSatisfy { $0.isFinite })
    }

    @Test func heFollowsTheFanIn() {
        let (_, deviation) = moments(values(He(), [400, 80]))
        #expect(abs(deviation / (2.0 / 400).squareRoot() - 1) < 0.02)
    }

    @Test func zerosAndVectors() {
        #expect(values(Zeros(), [17]) == [Float](repeating: 0, count: 17))
        #expect(values(Glorot(), [17]).allSatisfy { abs($0) <= (6.0 / 34).squareRoot() })
        #expect(values(Glorot(), .scalar).allSatisfy { $0.isFinite })
    }

    @Test func valuesAreAPureFunctionOfTheSeed() {
        for initializer in [Glorot(), He(), Normal(deviation: 1)] as [any Initializer] {
            let one = values(initializer, [31, 7])
            #expect(one == values(initializer, [31, 7]))
            #expect(one != values(initializer, [31, 7], seed: 2))
            // A shorter fill is the start of a longer one: values do not depend on how many there are.
            let flat = values(Normal(deviation: 1), [100])
            #expect(Array(values(Normal(deviation: 1), [200]).prefix(100)) == flat)
        }
    }

    /// Pinned bits: a change here changes every run's start, and with it every recorded hash.
    @Test func valuesStayAsTheyWere() {
        let glorot = values(Glorot(), [2, 2], seed: 0)
        let stream = RandomStream(seed: 0, purpose: 1)
        let limit = Float(1.5.squareRoot())
        #expect(glorot == (0..<4).map { (2 * (Float(stream.word($0) >> 8) / 16_777_216) - 1) * limit })
    }
}
