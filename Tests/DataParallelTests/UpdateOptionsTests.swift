import DataParallel
import Graphs
import NeuralNetworks
import Testing

/// The table of rates, decay and freezing, through a real step of plain SGD whose gradient a first run reveals.
@Suite struct UpdateOptionsTests {
    private func job(_ options: UpdateOptions, lanes: Int = 2) -> TrainingJob {
        var job = TrainingJob { DenseNetwork(hidden: [37, 50], outputs: 1) }
        job.update = options
        job.lanes = lanes
        job.bucketByteCount = 4096
        return job
    }

    private typealias Values = [String: [Float]]

    private func values(_ state: TrainedState) -> Values { state.parameters.mapValues(\.values) }

    /// Initial values, and the mean gradient by the step of SGD with rate 1.
    private func start() throws -> (initial: Values, gradient: Values) {
        let initial = values(try job(UpdateOptions(SGD(rate: 0))).run(steps: 1).state)
        let moved = values(try job(UpdateOptions(SGD(rate: 1))).run(steps: 1).state)
        return (initial, initial.merging(moved) { before, after in zip(before, after).map { $0 - $1 } })
    }

    private func expect(
        _ options: UpdateOptions, location: SourceLocation = #_sourceLocation,
        _ rule: (_ name: String, _ value: Float, _ gradient: Float) -> Float
    ) throws {
        let (initial, gradient) = try start()
        for lanes in [1, 3] {
            let result = values(try job(options, lanes: lanes).run(steps: 1).state)
            for (name, after) in result {
                let before = initial[name] ?? []
                let slope = gradient[name] ?? []
                let worst =
                    after.indices.map { abs(after[$0] - rule(name, before[$0], slope[$0])) }.max() ?? 1
                #expect(worst < 1e-6, "\(name), \(lanes) lanes", sourceLocation: location)
            }
        }
    }

    @Test func ratesAndFreezing() throws {
        var options = UpdateOptions(SGD(rate: 0.5))
        options.rules = [
            ParameterRule("layers.0.*", isFrozen: true), ParameterRule("*bias", rateFactor: 3),
            ParameterRule("layers.2.weight", rateFactor: 0.1),
        ]
        let (initial, _) = try start()
        try expect(options) { name, value, gradient in
            switch name {
            // The last rule that fits holds: the bias of the frozen layer is not frozen.
            case "layers.0.weight": value
            case "layers.2.weight": value - 0.05 * gradient
            case "layers.0.bias", "layers.1.bias", "layers.2.bias": value - 1.5 * gradient
            default: value - 0.5 * gradient
            }
        }
        let result = values(try job(options).run(steps: 7).state)
        #expect(result["layers.0.weight"] == initial["layers.0.weight"])
        #expect(result["layers.1.weight"] != initial["layers.1.weight"])
    }

    @Test func frozenParametersDoNotCountInTheNorm() throws {
        var frozen = UpdateOptions(SGD(rate: 0.5))
        frozen.rules = [ParameterRule("layers.0.*", isFrozen: true)]
        let all = try job(UpdateOptions(SGD(rate: 0.5))).run(steps: 1).verdicts[0]
        let some = try job(frozen).run(steps: 1).verdicts[0]
        #expect(all.loss == some.loss && some.gradientNorm < all.gradientNorm)
        let (_, gradient) = try start()
        func norm(_ names: (String) -> Bool) -> Double {
            gradient.filter { names($0.key) }.values.joined().reduce(0) { $0 + Double($1) * Double($1) }
                .squareRoot()
        }
        #expect(abs(all.gradientNorm - norm { _ in true }) < 1e-5)
        #expect(abs(some.gradientNorm - norm { !$0.hasPrefix("layers.0") }) < 1e-5)
    }

    @Test func regularizationConcernsWeightsAlone() throws {
        var options = UpdateOptions(SGD(rate: 0.5))
        (options.l1, options.l2) = (0.01, 0.02)
        try expect(options) { name, value, gradient in
            guard name.hasSuffix("weight") else { return value - 0.5 * gradient }
            let sign: Float = value > 0 ? 1 : value < 0 ? -1 : 0
            return value - 0.5 * (gradient + 0.01 * sign + 2 * 0.02 * value)
        }
    }

    @Test func weightDecayByRule() throws {
        var options = UpdateOptions(SGD(rate: 0.5, weightDecay: 0.1))
        options.rules = [
            ParameterRule("layers.1.*", weightDecay: 0.3), ParameterRule("*.bias", weightDecay: 0),
        ]
        try expect(options) { name, value, gradient in
            let decay: Float = name.hasSuffix("bias") ? 0 : name.hasPrefix("layers.1") ? 0.3 : 0.1
            return value - 0.5 * (gradient + decay * value)
        }
    }

    @Test func clippingScalesTheWholeGradient() throws {
        let verdict = try job(UpdateOptions(SGD(rate: 0.5))).run(steps: 1).verdicts[0]
        var options = UpdateOptions(SGD(rate: 0.5))
        options.clipNorm = verdict.gradientNorm / 4
        let factor = Float(verdict.gradientNorm / 4 / (verdict.gradientNorm + 1e-6))
        try expect(options) { _, value, gradient in value - 0.5 * factor * gradient }
        #expect(try job(options).run(steps: 1).verdicts[0].gradientNorm == verdict.gradientNorm)
        options.clipNorm = verdict.gradientNorm * 4
        try expect(options) { _, value, gradient in value - 0.5 * gradient }
    }

    @Test func theScheduleScalesTheRate() throws {
        var options = UpdateOptions(SGD(rate: 0.5))
        options.schedule = RateSchedule(.constant, warmupSteps: 5)
        try expect(options) { _, value, gradient in value - 0.1 * gradient }
    }

    @Test func patterns() {
        #expect(ParameterRule("*").matches("a.b") && ParameterRule("*").matches(""))
        #expect(
            ParameterRule("a.*.bias").matches("a.b.c.bias") && !ParameterRule("a.*.bias").matches("a.bias"))
        #expect(ParameterRule("*weight").matches("weight") && !ParameterRule("*weight").matches("weights"))
        #expect(ParameterRule("a**b").matches("ab") && !ParameterRule("a").matches("A"))
    }

    @Test func anUnknownOptimizerIsRefused() {
        struct Sleepy: Optimizer {
            let name = "sleepy"
            let stateNames: [String] = []
            let rate = 1.0
        }
        #expect(throws: (any Error).self) { try job(UpdateOptions(Sleepy())).run(steps: 1) }
    }
}
