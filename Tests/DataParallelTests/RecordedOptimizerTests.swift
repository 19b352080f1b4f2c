import DataParallel
import Graphs
import NeuralNetworks
import Testing

/// Ten steps of every optimizer against PyTorch's parameters after each (record_optimizers.py), through the real update.
@Suite struct RecordedOptimizerTests {
    private static let optimizers: [(name: String, options: UpdateOptions)] = {
        func clipped(_ optimizer: any Optimizer, _ norm: Double) -> UpdateOptions {
            var options = UpdateOptions(optimizer)
            options.clipNorm = norm
            return options
        }
        return [
            ("sgd", UpdateOptions(SGD(rate: 0.1))),
            ("momentum", UpdateOptions(SGD(rate: 0.05, momentum: 0.9))),
            ("nesterov", UpdateOptions(SGD(rate: 0.05, momentum: 0.9, nesterov: true))),
            ("sgdDecay", UpdateOptions(SGD(rate: 0.1, momentum: 0.5, weightDecay: 0.1))),
            ("adam", UpdateOptions(Adam(rate: 0.01))),
            ("adamDecay", UpdateOptions(Adam(rate: 0.01, weightDecay: 0.1))),
            ("adamW", UpdateOptions(Adam.adamW(rate: 0.01, weightDecay: 0.1))),
            ("rmsprop", UpdateOptions(RMSProp(rate: 0.01))),
            (
                "rmspropMomentum",
                UpdateOptions(RMSProp(rate: 0.01, decay: 0.9, momentum: 0.8, weightDecay: 0.01))
            ),
            ("sgdClip", clipped(SGD(rate: 0.1), 0.5)),
            ("adamClip", clipped(Adam(rate: 0.01), 0.3)),
        ]
    }()

    @Test(arguments: optimizers.map(\.name), [1, 2]) func parametersAfterEachStep(name: String, lanes: Int)
        throws
    {
        let recorded = try #require(
            try Recorded.load("optimizers.json", as: Recorded.Optimizers.self).cases.first { $0.name == name }
        )
        let options = try #require(Self.optimizers.first { $0.name == name }).options
        var job = TrainingJob {
            Sequential {
                Dense(3, activation: .tanh); Dense(2)
            }
        }
        job.input = .init("x", [4])
        job.label = .init("y", [2])
        job.loss = .meanSquaredError
        job.batchSize = { _ in 6 }
        job.sample = { step, position in
            let input = (0..<4).map { Float(recordedNumber(100 + step, position * 4 + $0)).bitPattern }
            let label = (0..<2).map { Float(recordedNumber(200 + step, position * 2 + $0) * 2).bitPattern }
            return (input, label)
        }
        job.update = options
        job.logicalShards = lanes
        job.lanes = lanes
        let names = ["0.weight", "0.bias", "1.weight", "1.bias"]
        let stateNames = options.optimizer.stateNames
        let result = try job.run(steps: 10, keepsStates: true) { layout in
            Recorded.initialState(layout, names: names, stateNames: stateNames) { _ in 1 }
        }
        #expect(recorded.steps.count == 10)
        for (step, (state, theirs)) in zip(result.states, recorded.steps).enumerated() {
            let ours = names.flatMap { state.parameters[$0]?.values ?? [] }
            #expect(ours.count == theirs.count)
            let worst = zip(ours, theirs).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
            #expect(worst < 5e-6, "\(name), step \(step): off by \(worst)")
        }
    }
}
