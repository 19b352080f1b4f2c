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

    @Test(arguments: [2, 15, 16, 17, 64, 100], [true, false])
    func rows(width: Int, isTraining: Bool) throws {
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
