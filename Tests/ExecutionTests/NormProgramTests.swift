import Execution
import Graphs
import NeuralNetworks
import Testing

/// Norms as programs: kernels and fused steps compute what the graph says.
@Suite struct NormProgramTests {
    private func check(_ model: any Layer, input: Shape, samples: Int = 5, isTraining: Bool = true) throws
        -> ProgramCheck
    {
        try ProgramCheck(
            ModelTrace(
                model, sampleCount: samples, input: .init("x", input), label: .init("y", [3]),
                loss: .meanSquaredError, isTraining: isTraining))
    }

    @Test(arguments: [7, 15, 16, 17, 64, 100], [true, false])
    func rows(width: Int, isTraining: Bool) throws {
        // Not narrower: of one or two numbers nothing but their order is left, and gradients are rounding errors.
        let norms: [any Layer] = [
            LayerNorm(), LayerNorm(bias: false), LayerNorm(weight: false), RMSNorm(), RMSNorm(weight: false),
        ]
        for norm in norms {
            let model = Sequential([Dense(width, activation: .tanh), norm, Dense(3)])
            try check(model, input: [6], isTraining: isTraining).verify("\(norm)")
        }
    }

    @Test func severalAxes() throws {
        let model = Sequential {
            Dense(5); LayerNorm(axes: 2, epsilon: 0.1); RMSNorm(axes: 2); Flatten(); Dense(3)
        }
        try check(model, input: [4, 6]).verify()
    }

    /// The channels of [batch, channels, positions].
    private struct Images: Layer {
        let shape: Shape
        func callAsFunction(_ input: Tensor) throws -> Tensor {
            try input.reshaped(to: Shape([input.shape[0]] + shape.dimensions))
        }
    }

    private struct ReLU: Layer {
        func callAsFunction(_ input: Tensor) throws -> Tensor { try input.activated(.relu) }
    }

    @Test(arguments: [[20], [3, 8], [17, 2, 3], [2, 5, 5]], [true, false])
    func batch(shape: [Int], isTraining: Bool) throws {
        let model = Sequential {
            Dense(shape.reduce(1, *), bias: false); Images(shape: Shape(shape)); BatchNorm(epsilon: 1e-3);
            ReLU()
            BatchNorm(epsilon: 1e-3); Flatten(); Dense(3)
        }
        let check = try check(model, input: [6], samples: 9, isTraining: isTraining)
        let names = check.plan.plannedSteps.map(\.name)
        #expect(names.contains(isTraining ? "batch-norm+relu" : "batch-norm-fixed+relu"))
        #expect(names.contains("batch-norm-gradient+relu-gradient") == isTraining && !names.contains("relu"))
        #expect(
            check.layout.buffers.map(\.name).sorted() == [
                "2.running_mean", "2.running_var", "4.running_mean", "4.running_var",
            ])
        try check.verify()
    }

    @Test(
        arguments: [([6], 3), ([3, 8], 1), ([4, 2, 9], 2), ([5, 17], 5)] as [([Int], Int)], [true, false])
    func groups(shapes: ([Int], Int), isTraining: Bool) throws {
        let (shape, groups) = shapes
        let model = Sequential {
            Dense(shape.reduce(1, *)); Images(shape: Shape(shape)); GroupNorm(groups, epsilon: 0.1)
            Flatten(); Dense(3)
        }
        try check(model, input: [6], isTraining: isTraining).verify()
    }

    /// Between convolutions, norms work on blocked channels as they come; 20 channels fill two blocks up with zeros.
    @Test(.enabled(if: LibraryInstructions.keepsImagesBlocked), arguments: [true, false])
    func batchNormOnBlockedChannels(isTraining: Bool) throws {
        struct Network: Layer {
            let conv1 = Conv2d(20, kernel: 3, padding: 1, bias: false)
            let norm1 = BatchNorm(epsilon: 0.1)
            let conv2 = Conv2d(20, kernel: 3, padding: 1, bias: false)
            let norm2 = BatchNorm(epsilon: 0.1)
            let head = Dense(3)

            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let x = try norm1(conv1(input)).activated(.relu)
                return try head(GlobalAveragePool()((norm2(conv2(x)) + x).activated(.relu)))
            }
        }
        let check = try check(Network(), input: [3, 6, 6], isTraining: isTraining)
        let names = check.plan.plannedSteps.map(\.name)
        #expect(names.contains { $0.hasSuffix("+add+relu") } && !names.contains("relu-gradient"))
        // Reorders stand at the ends of the image's way, none between convolution and norm.
        #expect(check.plan.report.contains("blocked channels"))
        #expect(!check.plan.report.contains("for batch-norm"), "\(check.plan.report)")
        try check.verify(tolerance: 3e-4)
    }

    /// Two blocks of a residual network without their convolutions; the first has a norm in its short cut.
    private struct Blocks: Layer {
        let start = Dense(24)
        let first = [BatchNorm(epsilon: 0.1), BatchNorm(epsilon: 0.1)]
        let second = BatchNorm(epsilon: 0.1)
        let mixing = [Dense(6), Dense(6)]
        let head = Dense(3)

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            var x = try start(input).reshaped(to: [input.shape[0], 4, 6])
            x = try (first[0](mixing[0](x)) + first[1](x)).activated(.relu)
            x = try (second(mixing[1](x)) + x).activated(.relu)
            return try head(x.reshaped(to: [input.shape[0], 24]))
        }
    }

    @Test(arguments: [true, false]) func residualBlocks(isTraining: Bool) throws {
        let check = try check(Blocks(), input: [6], samples: 8, isTraining: isTraining)
        let names = check.plan.plannedSteps.map(\.name)
        #expect(names.count { $0.hasSuffix("+add+relu") } == 2 && !names.contains("relu"))
        #expect(names.count { $0 == "batch-norm-gradient+relu-gradient" } == (isTraining ? 2 : 0))
        #expect(!names.contains("relu-gradient"))
        try check.verify()
    }

    /// x + f(norm(x)) twice: a transformer's residual stream.
    private struct Residuals: Layer {
        let start = Dense(17)
        let norms: [LayerNorm]
        let branches = [Dense(17, activation: .tanh), Dense(17)]
        let last = RMSNorm()
        let head = Dense(3)

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            var x = try start(input)
            for (norm, branch) in zip(norms, branches) { x = try x + branch(norm(x)) }
            return try head(last(x))
        }
    }

    @Test(arguments: [true, false]) func residualStream(isTraining: Bool) throws {
        let check = try check(
            Residuals(norms: [LayerNorm(), LayerNorm(bias: false)]), input: [6], isTraining: isTraining)
        let names = check.plan.plannedSteps.map(\.name)
        #expect(names.count { $0 == "add+layer-norm" } == 1 && names.count { $0 == "add+rms-norm" } == 1)
        #expect(names.count { $0 == "layer-norm-gradient+add" } == (isTraining ? 2 : 0))
        #expect(!names.contains("add"))
        try check.verify()
    }
}
