import Execution
import Graphs
import NeuralNetworks
import Testing

@Suite struct PlanTests {
    private func plan(
        _ model: any Layer, samples: Int = 4, input: ModelTrace.Field = .init("x", [6]),
        label: ModelTrace.Field? = .init("y", []), isTraining: Bool = true
    ) throws -> Plan {
        let trace = try ModelTrace(
            model, sampleCount: samples, input: input, label: label,
            loss: label == nil ? nil : .sigmoidCrossEntropy, isTraining: isTraining)
        return try Plan(trace, layout: ParameterLayout(trace))
    }

    private func names(_ plan: Plan) -> [String] { plan.plannedSteps.map(\.name) }

    @Test func denseNetworksFuseBiasActivationDerivativeAndLoss() throws {
        let plan = try plan(DenseNetwork(hidden: [8, 8], outputs: 1))
        #expect(
            names(plan).sorted() == [
                "matmul", "matmul", "matmul", "matmul+bias", "matmul+bias+relu", "matmul+bias+relu",
                "matmul+relu-gradient", "matmul+relu-gradient", "sigmoid-cross-entropy+gradient", "sum",
                "sum",
                "sum",
            ])
        #expect(plan.report.contains("fused matmul into relu-gradient as matmul+relu-gradient"))
    }

    @Test func geluKeepsItsInputInTrainingAlone() throws {
        let model = DenseNetwork(hidden: [8], outputs: 1, activation: .gelu)
        let training = names(try plan(model))
        #expect(training.contains("gelu") && !training.contains("matmul+bias+gelu"))
        #expect(training.contains("matmul+gelu-gradient"))
        #expect(names(try plan(model, label: nil, isTraining: false)) == ["matmul+bias+gelu", "matmul+bias"])
    }

    @Test func pooledTextNeverWritesTheLookedUpRows() throws {
        let model = PooledTextNetwork(vocabularySize: 9, width: 5, hidden: [4], outputs: 1)
        let names = names(try plan(model, input: .init("x", [3], .int32)))
        #expect(names.contains("embedding+masked-mean") && names.contains("embedding+masked-mean-gradient"))
        #expect(!names.contains("embedding") && !names.contains("masked-mean"))
    }

    @Test func valuesReadTwiceAreNotFusedAway() throws {
        struct Twice: Layer {
            let dense = Dense(6)
            let head = Dense(1)
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let sum = try dense(input)
                return try head(sum.activated(.relu) + sum)
            }
        }
        let names = names(try plan(Twice()))
        #expect(names.contains("relu") && !names.contains("matmul+bias+relu"))
    }

    @Test func equalComputationsAreDoneOnce() throws {
        struct Same: Layer {
            let dense = Dense(1)
            func callAsFunction(_ input: Tensor) throws -> Tensor { try dense(input) * dense(input) }
        }
        #expect(names(try plan(Same(), label: nil, isTraining: false)) == ["matmul+bias", "multiply"])
    }

    @Test func reportNamesStepsFusionsMemoryAndCost() throws {
        let plan = try plan(DenseNetwork(hidden: [8], outputs: 1))
        let report = plan.report
        for text in [
            "program for 4 samples", "fusions:", "memory: activations", "cost:", "layers.0", "own kernel",
        ] {
            #expect(report.contains(text), "\(text)")
        }
        // Forward 2·4·6·8 and 2·4·8·1, twice that in backward less the gradient of the input.
        #expect(plan.cost.flops >= 2 * (2 * 4 * 6 * 8) + 3 * (2 * 4 * 8))
        #expect(plan.cost.flops < 2 * (2 * 4 * 6 * 8) + 3 * (2 * 4 * 8) + 400)
    }
}
