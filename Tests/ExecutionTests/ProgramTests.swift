import CKernels
import Diagnostics
import Execution
import Graphs
import NeuralNetworks
import Testing

/// A model made of a closure, for graphs that no layer makes.
private struct Custom: Layer {
    let layers: [any Layer]
    let body: ([any Layer], Tensor) throws -> Tensor
    func callAsFunction(_ input: Tensor) throws -> Tensor { try body(layers, input) }
}

/// Whether this is a release build.
private let isOptimized: Bool = {
    #if DEBUG
        false
    #else
        true
    #endif
}()

/// Programs compute what the graph says: loss, predictions and every gradient equal the float64 reference.
@Suite struct ProgramTests {
    private func check(
        _ model: any Layer, samples: Int = 5, input: ModelTrace.Field = .init("x", [6]), label: Shape = [],
        labelElement: ElementType = .float32, loss: Loss = .sigmoidCrossEntropy, idLimit: Int = 2,
        isTraining: Bool = true
    ) throws -> ProgramCheck {
        try ProgramCheck(
            ModelTrace(
                model, sampleCount: samples, input: input, label: .init("y", label, labelElement), loss: loss,
                isTraining: isTraining), idLimit: idLimit)
    }

    @Test(arguments: [nil] + Activation.allCases.map(Optional.some), [1, 2, 7, 32])
    func dense(activation: Activation?, samples: Int) throws {
        for hidden in [1, 15, 16, 17, 64] {
            for isTraining in [true, false] {
                let model = Sequential {
                    Dense(hidden, activation: activation); Dense(hidden, activation: activation); Dense(1)
                }
                let check = try check(model, samples: samples, isTraining: isTraining)
                try check.verify("\(hidden) wide")
            }
        }
    }

    @Test(arguments: [1, 3, 32]) func softmax(samples: Int) throws {
        for classes in [2, 3, 17] {
            let network = DenseNetwork(hidden: [9], outputs: classes, activation: .tanh)
            try check(
                network, samples: samples, labelElement: .int32, loss: .softmaxCrossEntropy, idLimit: classes
            ).verify()
        }
    }

    @Test func squaredErrorAndIntegerTargets() throws {
        try check(DenseNetwork(hidden: [8], outputs: 3), label: [3], loss: .meanSquaredError).verify()
        try check(DenseNetwork(hidden: [8], outputs: 1), labelElement: .int32).verify()
    }

    @Test(arguments: [nil, 0, 3] as [Int?], [1, 16, 50, 70]) func pooledText(paddingID: Int?, width: Int)
        throws
    {
        let network = PooledTextNetwork(
            vocabularySize: 13, width: width, hidden: [6], outputs: 1, paddingID: paddingID)
        try check(network, input: .init("x", [9], .int32), idLimit: 13).verify()
    }

    @Test func tokensOfPaddingAloneAndLayersBetween() throws {
        // Two ids, one of them padding: samples of three tokens are often padding alone.
        let model = Sequential {
            Embedding(2, 5, paddingID: 0); Dropout(0.3); Dense(4, activation: .relu); MeanPool(); Dense(1)
        }
        try check(model, samples: 16, input: .init("x", [3], .int32), idLimit: 2).verify()
    }

    @Test(arguments: [0.1, 0.5, 0.95]) func dropout(rate: Double) throws {
        let network = DenseNetwork(hidden: [33, 17], outputs: 1, dropout: rate)
        let check = try check(network, samples: 9)
        try check.verify()
        let before = check.program.lossSum
        check.context.step += 1
        try check.verify("next step")
        #expect(check.program.lossSum != before)
        check.context.step -= 1
        try check.run()
        #expect(check.program.lossSum == before)
    }

    @Test func sharedLayersAndReusedValues() throws {
        let shared = Dense(6, activation: .tanh)
        let model = Custom(layers: [shared, Dense(1)]) { layers, x in
            let once = try layers[0](x)
            let twice = try layers[0](once)
            return try layers[1](once + twice * once + twice.scaled(by: 0.5))
        }
        try check(model).verify()
    }

    @Test func tiedWeights() throws {
        final class Tied: Layer {
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let table = try input.graph.parameter(
                    "table", of: self, shape: [11, 5], initializer: Normal(deviation: 0.5))
                return try table.lookup(input).activated(.tanh).matmul(table, transposesRight: true)
            }
        }
        try check(
            Tied(), input: .init("x", [], .int32), labelElement: .int32, loss: .softmaxCrossEntropy,
            idLimit: 11
        ).verify()
    }

    @Test func reductionsReshapesAndScalars() throws {
        let model = Custom(layers: [Dense(8), Dense(6, activation: .gelu), Dense(1)]) { layers, x in
            let wide = try layers[0](x).reshaped(to: [x.shape[0], 2, 4])
            let reduced = try wide.mean(axis: 1) + wide.sum(axis: 1)
            let factor = try wide.mean().activated(.sigmoid)
            let hidden = try layers[1](reduced.multiplied(byScalar: factor))
            return try layers[2](hidden + hidden.scaled(by: -0.25))
        }
        try check(model).verify()
    }

    @Test func aParameterThatTheLossDoesNotReachGetsZeros() throws {
        let model = Custom(layers: [Dense(1), Dense(4)]) { layers, x in
            _ = try layers[1](x)
            return try layers[0](x)
        }
        let check = try check(model)
        try check.verify()
        #expect(check.trace.gradients.count { $0 == nil } == 2)
    }

    @Test func twoParametersWithOneGradient() throws {
        final class Twins: Layer {
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let shape: Shape = [input.shape[-1], 1]
                let one = try input.graph.parameter("one", of: self, shape: shape, initializer: Glorot())
                let two = try input.graph.parameter("two", of: self, shape: shape, initializer: Glorot())
                return try input.matmul(one + two)
            }
        }
        let check = try check(Twins())
        try check.verify()
        #expect(check.gradient(check.layout.segments[0]) == check.gradient(check.layout.segments[1]))
    }

    @Test func aScalarParameterAsPrediction() throws {
        final class Constant: Layer {
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let value = try input.graph.parameter(
                    "value", of: self, shape: .scalar, initializer: Normal(deviation: 1))
                return try value.multiplied(byScalar: input.mean())
            }
        }
        let trace = try ModelTrace(
            Constant(), sampleCount: 1, input: .init("x", [6]), label: .init("y", []),
            loss: .meanSquaredError,
            isTraining: true)
        try ProgramCheck(trace).verify()
    }

    @Test func thePredictionMayBeTheInput() throws {
        try check(Custom(layers: []) { _, x in x }, label: [6], loss: .meanSquaredError).verify()
    }

    /// Above one megaflop oneDNN takes over; forward, both backward products and the epilogues must agree with float64.
    @Test(arguments: [nil] + Activation.allCases.map(Optional.some)) func libraryProducts(
        activation: Activation?
    ) throws {
        let model = Sequential {
            Dense(96, activation: activation); Dense(90, activation: activation); Dense(1)
        }
        let check = try check(model, samples: 65, input: .init("x", [100]))
        #expect(check.plan.report.contains("oneDNN"))
        try check.verify()
        let evaluation = try self.check(model, samples: 65, input: .init("x", [100]), isTraining: false)
        try evaluation.verify()
    }

    @Test func libraryProductsOfOneRowOrColumn() throws {
        let wide = Sequential {
            Dense(1024, activation: .relu); Dense(1, activation: .tanh)
        }
        try check(wide, samples: 1, input: .init("x", [600])).verify()
        try check(Sequential { Dense(1) }, samples: 700, input: .init("x", [900])).verify()
    }

    @Test(arguments: [4, 100]) func nanReachesTheLoss(width: Int) throws {
        for activation in Activation.allCases {
            let model = Sequential {
                Dense(width, activation: activation); Dense(width, activation: activation); Dense(1)
            }
            let check = try check(model, samples: 64, input: .init("x", [width]))
            check.set(field: 0, 3 * width + 1, to: .nan)
            try check.run()
            #expect(check.program.lossSum.isNaN, "\(activation), \(width) wide")
            #expect(check.gradients.contains { $0.isNaN }, "\(activation), \(width) wide")
        }
    }

    /// Random chains of layers, sizes on both sides of a vector, all losses.
    @Test(arguments: 0..<60) func randomModels(seed: Int) throws {
        var numbers = TestNumbers(seed + 1000)
        func pick<Value>(_ values: [Value]) -> Value { values[numbers.word() % values.count] }
        let loss = pick(Loss.allCases)
        let isOfClasses = loss == .softmaxCrossEntropy || loss == .distillation
        let outputs = isOfClasses ? pick([2, 3, 18]) : pick([1, 3])
        let label: ModelTrace.Field =
            switch loss {
            case .softmaxCrossEntropy: .init("y", [], .int32)
            case .distillation: .init("y", [2, outputs])
            default: .init("y", [outputs])
            }
        var layers: [any Layer] = []
        let isText = pick([true, false])
        let vocabulary = pick([3, 20])
        if isText {
            layers.append(Embedding(vocabulary, pick([3, 16, 21]), paddingID: pick([nil, 0])))
            if pick([true, false]) { layers.append(Dropout(0.2)) }
            if pick([true, false]) { layers.append(Dense(pick([5, 16]), activation: .relu)) }
            layers.append(pick([true, false]) ? MeanPool() : Flatten())
        }
        for _ in 0..<(numbers.word() % 4) {
            layers.append(
                Dense(
                    pick([1, 7, 16, 31, 64]), activation: pick([nil, .relu, .sigmoid, .tanh, .gelu]),
                    bias: pick([true, false])))
            if pick([true, false, false]) { layers.append(Dropout(pick([0.1, 0.6]))) }
        }
        layers.append(Dense(outputs, bias: pick([true, false])))
        let trace = try ModelTrace(
            Sequential(layers), sampleCount: pick([1, 2, 5, 16, 33]),
            input: isText ? .init("x", [pick([1, 4, 17])], .int32) : .init("x", [pick([1, 6, 30])]),
            label: label, loss: loss, isTraining: pick([true, true, false]))
        try ProgramCheck(trace, idLimit: isText ? min(vocabulary, outputs) : outputs, seed: seed).verify()
    }

    @Test func anEvaluationTakesTheLayoutOfTraining() throws {
        let model = PooledTextNetwork(vocabularySize: 9, width: 5, hidden: [4], outputs: 2, dropout: 0.5)
        let input = ModelTrace.Field("x", [3], .int32)
        let training = ParameterLayout(
            try ModelTrace(
                model, sampleCount: 4, input: input, label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy,
                isTraining: true))
        let trace = try ModelTrace(model, sampleCount: 7, input: input, isTraining: false)
        #expect(throws: Never.self) { try Program(try Plan(trace, layout: training)) }
        let other = try ModelTrace(
            PooledTextNetwork(vocabularySize: 9, width: 6, hidden: [4], outputs: 2), sampleCount: 7,
            input: input,
            isTraining: false)
        let error = #expect(throws: LockstepError.self) { try Plan(other, layout: training) }
        #expect(error?.code == .mismatch && error?.message.contains("embedding.weight") == true)
    }

    /// After warm-up a run allocates nothing of ours, whether our kernels or oneDNN do the products. Only optimized
    /// builds promise it.
    @Test(.enabled(if: isOptimized), arguments: [8, 100]) func aRunAllocatesNothing(width: Int) throws {
        guard lk_thread_allocation_count() >= 0 else { return }
        let model = Sequential {
            Dense(width, activation: .relu); Dropout(0.1); Dense(width, activation: .gelu); Dense(1)
        }
        let check = try check(model, samples: 64, input: .init("x", [width]))
        try check.run(3)
        try check.run(100) { runs in
            let before = lk_thread_allocation_count()
            try runs()
            #expect(lk_thread_allocation_count() - before == 0)
        }
        // The counter does count.
        let before = lk_thread_allocation_count()
        let array = [Float](unsafeUninitializedCapacity: 1000) { $1 = $0.count }
        #expect(lk_thread_allocation_count() > before && array.count >= 1000)
    }
}
