import DataParallel
import Graphs
import NeuralNetworks
import Testing

/// Models of tokens through the whole chain: a table that is also the output layer, and labels that do not count.
@Suite struct TokenJobTests {
    /// Predicts a token from each token, with one table for both ends.
    private final class Tied: Layer {
        func callAsFunction(_ input: Tensor) throws -> Tensor {
            let graph = input.graph
            let table = try graph.parameter(
                "table", of: self, shape: [9, 6], initializer: Normal(deviation: 0.5))
            let hidden = try hiddenLayer(table.lookup(input)).reshaped(to: [input.shape.elementCount, 6])
            return try hidden.matmul(table, transposesRight: true).reshaped(
                to: Shape(input.shape.dimensions + [9]))
        }

        let hiddenLayer = Dense(6, activation: .silu)
    }

    /// Five tokens a sample; every third label does not count, and from `emptyStep` none of a step's.
    private func job(emptyStep: Int = -1, ignored: Int? = -100) -> TrainingJob {
        var job = TrainingJob { Tied() }
        job.input = .init("x", [5], .int32)
        job.label = .init("y", [5], .int32)
        job.loss = .softmaxCrossEntropy
        job.lossOptions = LossOptions(ignoredLabel: ignored, labelSmoothing: 0.1)
        job.update = UpdateOptions(SGD(rate: 0.5))
        job.update.clipNorm = 2
        job.bucketByteCount = 4096
        job.sample = { step, position in
            let tokens = (0..<5).map { UInt32((position * 7 + $0 * 3 + step) % 9) }
            let labels = tokens.enumerated().map { index, token -> UInt32 in
                let counts = (position + index) % 3 != 0 && step != emptyStep
                return counts || ignored == nil ? (token + 1) % 9 : UInt32(bitPattern: -100)
            }
            return (tokens, labels)
        }
        return job
    }

    @Test func lanesDoNotChangeBits() throws {
        var first: (bits: [UInt32], verdicts: [StepVerdict])?
        for lanes in 1...4 {
            var job = job()
            job.lanes = lanes
            let result = try job.run(steps: 12)
            #expect(first?.bits ?? result.state.bits == result.state.bits, "\(lanes) lanes")
            #expect(first?.verdicts ?? result.verdicts == result.verdicts)
            first = first ?? (result.state.bits, result.verdicts)
        }
        let verdicts = try #require(first?.verdicts)
        // 16 samples of 5 tokens: 26 or 27 of 80 labels do not count.
        #expect(verdicts.allSatisfy { $0.termCount == 53 || $0.termCount == 54 })
        #expect(verdicts[11].loss < verdicts[0].loss * 0.8)
        #expect(try job(ignored: nil).run(steps: 1).verdicts[0].termCount == 80)
    }

    @Test func aStepOfIgnoredLabelsAloneChangesNothing() throws {
        let result = try job(emptyStep: 1).run(steps: 3, keepsStates: true)
        #expect(result.states[0] == result.states[1] && result.states[1] != result.states[2])
        #expect(
            result.verdicts[1].termCount == 0 && result.verdicts[1].isFinite && result.verdicts[1].loss == 0)
    }

    /// One step of the tied table against the float64 reference: its gradient is the sum of both uses, and it is the
    /// last to be ready.
    @Test func tiedTableGetsTheSumOfItsUses() throws {
        var job = job()
        (job.logicalShards, job.update) = (2, UpdateOptions(SGD(rate: 1)))
        let trace = try ModelTrace(
            Tied(), sampleCount: 16, input: job.input, label: job.label, loss: job.loss,
            lossOptions: job.lossOptions, isTraining: true)
        let (shared, replica) = try job.start()
        defer { replica.stop() }
        #expect(shared.layout.segments.last?.name == "table")
        let before = shared.snapshot().exported()
        try replica.run(until: 1)
        let after = shared.snapshot().exported()

        let samples = (0..<16).map { job.sample(0, $0) }
        let inputs = [
            "x": ReferenceArray([16, 5], samples.flatMap(\.input).map { Double(Int32(bitPattern: $0)) }),
            "y": ReferenceArray([16, 5], samples.flatMap(\.label).map { Double(Int32(bitPattern: $0)) }),
        ]
        let parameters = try trace.graph.parameters.map { parameter in
            let stored = try #require(before.parameters[parameter.name])
            let values = stored.values.map(Double.init)
            guard parameter.storage == .transposed else { return ReferenceArray(parameter.shape, values) }
            let (rows, columns) = (parameter.shape[0], parameter.shape[1])
            return ReferenceArray(
                parameter.shape, (0..<rows * columns).map { values[$0 % columns * rows + $0 / columns] })
        }
        let gradients = try trace.gradients.map { try #require($0) }
        let results = trace.graph.evaluate(
            gradients + [try #require(trace.termCount)], inputs: inputs, parameters: parameters)
        let count = results[results.count - 1].values[0]
        let place = try #require(trace.graph.parameters.firstIndex { $0.name == "table" })
        let moved = zip(
            try #require(before.parameters["table"]).values, try #require(after.parameters["table"]).values
        )
        .map { Double($0 - $1) }
        #expect(moved.contains { abs($0) > 1e-3 })
        for (ours, expected) in zip(moved, results[place].values) {
            #expect(abs(ours - expected / count) < 1e-6)
        }
    }
}
