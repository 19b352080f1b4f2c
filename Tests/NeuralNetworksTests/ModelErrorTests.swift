import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Wrong models as people write them: each error names the layer, both shapes and what to change.
@Suite struct ModelErrorTests {
    private struct Model: Layer {
        let encoder: Sequential
        let head: Dense
        func callAsFunction(_ input: Tensor) throws -> Tensor { try head(encoder(input)) }
    }

    private func refuse(
        _ model: any Layer, input: ModelTrace.Field = .init("x", [3]),
        label: ModelTrace.Field = .init("y", []), loss: Loss = .sigmoidCrossEntropy, mentions: [String],
        location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: LockstepError.self, sourceLocation: location) {
            try ModelTrace(model, sampleCount: 4, input: input, label: label, loss: loss, isTraining: true)
        }
        guard let error else { return }
        #expect(error.code == .usage, sourceLocation: location)
        #expect(!(error.remedy ?? "").isEmpty, "\(error)", sourceLocation: location)
        for text in mentions { #expect(error.message.contains(text), "\(error)", sourceLocation: location) }
    }

    private let tokens = ModelTrace.Field("tokens", [6], .int32)

    @Test func denseOnTokenIDs() {
        refuse(
            Model(encoder: Sequential { Dense(4) }, head: Dense(1)), input: tokens,
            mentions: ["'encoder.0'", "int32 [4, 6]", "float32 [6, 4]"])
    }

    @Test func embeddingOnNumbers() {
        refuse(
            Sequential {
                Embedding(10, 4); Dense(1)
            }, mentions: ["'0'", "float32 [10, 4]", "float32 [4, 3]"])
    }

    @Test func poolingAnAxisThatIsNotThere() {
        refuse(
            Sequential {
                Dense(4); MeanPool(axis: 2)
            }, mentions: ["'1'", "axis 2", "[4, 4]"])
        refuse(
            Sequential {
                Dense(4); Sequential { MeanPool(axis: 7) }
            }, mentions: ["'1.0'", "axis 7"])
    }

    @Test func poolingTheIDs() {
        refuse(
            Sequential {
                MeanPool(); Dense(1)
            }, input: tokens, mentions: ["'0'", "int32 [4, 6]"])
    }

    @Test func poolingALookedUpVector() {
        refuse(
            Sequential {
                Embedding(10, 4); MeanPool(); Dense(1)
            }, input: .init("id", [], .int32),
            mentions: ["'1'", "[4, 4]", "[4]"])
    }

    @Test(arguments: [0, -3]) func layersWithoutAWidth(width: Int) {
        refuse(
            Sequential {
                Dense(5); Dense(width)
            }, mentions: ["'1'", "[5, \(width)]"])
        refuse(Sequential { Embedding(10, width) }, input: tokens, mentions: ["'0'", "[10, \(width)]"])
        refuse(Sequential { Embedding(width, 10) }, input: tokens, mentions: ["'0'", "[\(width), 10]"])
    }

    @Test func inputsWithoutAWidth() {
        refuse(Sequential { Dense(5) }, input: .init("x", [0]), mentions: ["'0'", "[0, 5]"])
    }

    @Test(arguments: [1.0, -0.1, .nan, 2]) func dropoutRatesThatDropAll(rate: Double) {
        refuse(
            Sequential {
                Dense(5); Dropout(rate); Dense(1)
            }, mentions: ["dropout", "\(rate)"])
    }

    @Test func normsOverAxesThatAreNotThere() {
        for axes in [0, -1, 2, 3] {
            refuse(
                Sequential { LayerNorm(axes: axes, weight: false) },
                mentions: ["'0'", "\(axes) axes", "[4, 3]"])
            refuse(
                Sequential { RMSNorm(axes: axes, weight: false) },
                mentions: ["'0'", "\(axes) axes", "[4, 3]"])
        }
        refuse(
            Sequential { LayerNorm(weight: false) }, input: .init("x", []), mentions: ["layer-norm", "[4]"])
        refuse(Sequential { LayerNorm() }, input: tokens, mentions: ["layer-norm", "int32 [4, 6]"])
        refuse(Sequential { LayerNorm(epsilon: -1) }, mentions: ["layer-norm", "-1"])
    }

    @Test func batchNormsThatDoNotFit() {
        refuse(
            Sequential { BatchNorm() }, input: .init("x", []), mentions: ["batch-norm", "[4]", "channels"])
        refuse(Sequential { BatchNorm() }, input: tokens, mentions: ["batch-norm", "int32 [4, 6]"])
        refuse(Sequential { BatchNorm(momentum: 1.5) }, mentions: ["'0'", "running_mean", "1.5"])
        let shared = BatchNorm()
        refuse(Sequential([shared, shared]), mentions: ["'0'", "called twice", "running_mean"])
    }

    @Test func groupNormsThatDoNotFit() {
        for groups in [0, -1, 2, 6] {
            refuse(
                Sequential { GroupNorm(groups) },
                mentions: ["'0'", "3 channels", "[4, 3]", "\(groups) groups"])
        }
        refuse(
            Sequential { GroupNorm(1) }, input: .init("x", []), mentions: ["group-norm", "[4]", "channels"])
    }

    @Test(arguments: [-4, 2, 7, 19]) func residualNetworksOfOtherDepths(depth: Int) {
        let error = #expect(throws: LockstepError.self) { try ResidualNetwork.cifar(depth: depth) }
        #expect(error?.message.contains("\(depth)") == true && error?.remedy?.contains("6n + 2") == true)
    }

    @Test func aSharedNormWithTwoWidths() {
        let norm = LayerNorm()
        refuse(Sequential([norm, Dense(5), norm]), mentions: ["'0'", "[3]", "[5]"])
    }

    @Test func aSharedLayerWithTwoInputs() {
        let layer = Dense(5)
        refuse(Sequential([layer, layer]), mentions: ["'0'", "[3, 5]", "[5, 5]"])
    }

    @Test func softmaxWithTheWrongLabels() {
        let network = DenseNetwork(hidden: [4], outputs: 3)
        refuse(network, loss: .softmaxCrossEntropy, mentions: ["'loss'", "float32 [4]", "int32 [4]"])
        refuse(
            network, label: .init("y", [2], .int32), loss: .softmaxCrossEntropy,
            mentions: ["'loss'", "int32 [4, 2]", "int32 [4]"])
        refuse(
            DenseNetwork(hidden: [4], outputs: 1), label: .init("y", [], .int32), loss: .softmaxCrossEntropy,
            mentions: ["'loss'", "[4, 1]"])
    }

    @Test func lossesWithTheWrongNumberOfOutputs() {
        let network = DenseNetwork(hidden: [4], outputs: 2)
        refuse(network, loss: .sigmoidCrossEntropy, mentions: ["'loss'", "[4, 2]", "[4]"])
        refuse(
            network, label: .init("y", [3]), loss: .meanSquaredError,
            mentions: ["'loss'", "[4, 2]", "[4, 3]"])
        refuse(
            network, label: .init("y", [2], .int32), loss: .meanSquaredError,
            mentions: ["'loss'", "int32 [4, 2]"])
    }

    @Test func twoLayersThatNoPropertyHolds() {
        struct Loose: Layer {
            let make: () -> Dense = { Dense(3) }
            func callAsFunction(_ input: Tensor) throws -> Tensor { try make()(make()(input)) }
        }
        refuse(Loose(), mentions: ["'dense'"])
    }
}
