import DataParallel
import Diagnostics
import Execution
import Graphs
import NeuralNetworks
import Testing

/// Running statistics move with the step as PyTorch's do, and have the same bits on any number of lanes.
@Suite struct BatchNormTrainingTests {
    struct Contents: Decodable {
        struct Step: Decodable {
            let loss: Double
            let buffers: [String: [Double]]
        }
        let cases: [Step]
        let evaluation: [Double]
    }

    private struct ReLU: Layer {
        func callAsFunction(_ input: Tensor) throws -> Tensor { try input.activated(.relu) }
    }

    private static let parameterNames = [
        "0.weight", "0.bias", "3.weight", "4.weight", "4.bias", "6.weight", "6.bias",
    ]

    private func job() -> TrainingJob { Self.job() }

    /// The network of Recording/record_batch_norm.py on its data.
    static func job() -> TrainingJob {
        var job = TrainingJob {
            Sequential {
                BatchNorm(); ReLU(); Flatten(); Dense(8, bias: false); BatchNorm(); ReLU(); Dense(1)
            }
        }
        job.input = .init("x", [3, 2, 2])
        job.sample = { step, position in
            let input = (0..<12).map {
                (Float(recordedNumber(100 + step, position * 12 + $0) * 3) + 2).bitPattern
            }
            let label: Float = recordedNumber(200 + step, position) > 0 ? 1 : 0
            return (input, [label.bitPattern])
        }
        job.update = UpdateOptions(Adam(rate: 0.01))
        job.logicalShards = 1
        return job
    }

    private func initialState(_ layout: ParameterLayout) -> TrainedState { Self.initialState(layout) }

    static func initialState(_ layout: ParameterLayout) -> TrainedState {
        var state = Recorded.initialState(
            layout, names: Self.parameterNames, stateNames: Adam().stateNames
        ) { _ in 0.5 }
        for segment in layout.buffers {
            let value: Float = segment.name.hasSuffix("var") ? 1 : 0
            state.parameters[segment.name] = StoredTensor(
                shape: segment.storedShape, values: Array(repeating: value, count: segment.elementCount))
        }
        return state
    }

    @Test func equalsPyTorch() throws {
        let recorded = try Recorded.load("batch_norm.json", as: Contents.self)
        let result = try job().run(steps: recorded.cases.count, keepsStates: true, from: initialState)
        #expect(result.verdicts.count == 10 && result.states.count == 10)
        for (step, wanted) in recorded.cases.enumerated() {
            #expect(abs(result.verdicts[step].loss - wanted.loss) < 1e-5, "step \(step)")
            #expect(wanted.buffers.count == 4)
            for (name, values) in wanted.buffers {
                let ours = try #require(result.states[step].parameters[name]).values
                #expect(ours.count == values.count)
                let worst = zip(ours, values).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
                #expect(worst < 2e-5, "step \(step), \(name): off by \(worst)")
            }
        }
        try evaluate(result.state, expected: recorded.evaluation)
    }

    /// The evaluation graph reads the running statistics out of the parameters' arena.
    private func evaluate(_ state: TrainedState, expected: [Double]) throws {
        let job = job()
        func trace(_ isTraining: Bool) throws -> ModelTrace {
            try ModelTrace(
                job.model(), sampleCount: 16, input: job.input, label: job.label, loss: job.loss,
                isTraining: isTraining)
        }
        let layout = ParameterLayout(try trace(true))
        let program = try Program(try Plan(try trace(false), layout: layout))
        var arena = [Float](repeating: 0, count: layout.elementCount)
        try arena.withUnsafeMutableBufferPointer {
            try state.restoreParameters(into: $0.baseAddress!, layout: layout)
        }
        var words = (0..<16).flatMap { job.sample(0, $0).input }
        var labels = [UInt32](repeating: 0, count: 16)
        try words.withUnsafeMutableBytes { words in
            try labels.withUnsafeMutableBytes { labels in
                var fields = [words.baseAddress!, labels.baseAddress!]
                program.bind(
                    parameters: arena, gradients: nil, fields: &fields, seed: 0, step: 0, firstSample: 0)
                try program.run()
            }
        }
        let worst = zip(program.predictions, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        #expect(expected.count == 16 && worst < 1e-4, "off by \(worst)")
    }

    /// Uneven batches, and one with fewer samples than shards; a small clip norm must not touch statistics.
    @Test func lanesDoNotChangeBits() throws {
        var first: [UInt32]?
        for lanes in [1, 2, 4] {
            var job = job()
            (job.logicalShards, job.lanes, job.bucketByteCount) = (4, lanes, 1024)
            job.batchSize = { [16, 13, 16, 3, 9][$0 % 5] }
            job.update.clipNorm = 0.05
            let result = try job.run(steps: 10)
            #expect(result.verdicts.allSatisfy { $0.isFinite })
            #expect(result.state.parameters["4.running_var"]?.values.allSatisfy { $0 > 0 && $0 != 1 } == true)
            #expect(first ?? result.state.bits == result.state.bits, "\(lanes) lanes")
            first = first ?? result.state.bits
        }
    }

    /// The mean over shards weighted by their samples, whatever the gradients are scaled by.
    @Test func runningMeanIsTheWeightedMeanOverShards() throws {
        for clipNorm in [nil, 1e-3] {
            var job = job()
            job.logicalShards = 3
            job.batchSize = { _ in 13 }
            job.update.clipNorm = clipNorm
            job.update.l2 = 0.5
            let state = try job.run(steps: 1).state
            // A mean of means weighted by size is the mean; 13 samples make shards of 4, 4 and 5.
            let pixels = (0..<13).map { job.sample(0, $0).input.map { Double(Float(bitPattern: $0)) } }
            for channel in 0..<3 {
                let values = pixels.map { $0[(channel * 4)..<(channel * 4 + 4)] }
                let mean = values.joined().reduce(0, +) / 52
                let ours = try #require(state.parameters["0.running_mean"]).values[channel]
                #expect(abs(Double(ours) - 0.1 * mean) < 1e-6)
                let spreads = [0..<4, 4..<8, 8..<13].map { shard -> Double in
                    let shard = Array(values[shard].joined())
                    let middle = shard.reduce(0, +) / Double(shard.count)
                    let squares = shard.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
                    return squares / Double(shard.count - 1) * Double(shard.count)
                }
                let variance = spreads.reduce(0, +) / 52
                let running = try #require(state.parameters["0.running_var"]).values[channel]
                #expect(abs(Double(running) - (0.9 + 0.1 * variance)) < 1e-5)
            }
        }
    }

    @Test func frozenStateStaysAndTheNormLeavesStatisticsOut() throws {
        var job = job()
        let free = try job.run(steps: 1)
        job.update.rules = [ParameterRule("0.*", isFrozen: true)]
        let frozen = try job.run(steps: 1)
        #expect(frozen.state.parameters["0.running_mean"]?.values == [0, 0, 0])
        #expect(frozen.state.parameters["4.running_mean"] == free.state.parameters["4.running_mean"])
        #expect(free.state.parameters["0.running_mean"]?.values.allSatisfy { $0 != 0 } == true)
        // All frozen: only statistics are left in the gradient arena, and they are no gradient.
        job.update.rules = [
            ParameterRule("*.weight", isFrozen: true), ParameterRule("*.bias", isFrozen: true),
        ]
        let still = try job.run(steps: 1)
        #expect(still.verdicts[0].gradientNorm == 0)
        #expect(still.state.parameters["4.running_mean"] == free.state.parameters["4.running_mean"])
    }

    /// Stopping and going on gives the bits of the run that never stopped, running statistics included.
    @Test func goingOnFromASnapshotGivesTheSameBits() throws {
        let whole = try job().run(steps: 6)
        let half = try job().run(steps: 3)
        let (shared, replica) = try job().start(from: { _ in half.state }, step: 3)
        defer { replica.stop() }
        try replica.run(until: 6)
        #expect(shared.snapshot().exported().bits == whole.state.bits)
        #expect(half.state.optimizer.keys.allSatisfy { !$0.contains("running") })
    }

    @Test func aCheckpointWithoutRunningStatisticsIsRefused() throws {
        let error = #expect(throws: LockstepError.self) {
            _ = try job().start(from: { layout in
                var state = initialState(layout)
                state.parameters["4.running_var"] = nil
                return state
            })
        }
        #expect(error?.message.contains("4.running_var") == true)
    }
}
