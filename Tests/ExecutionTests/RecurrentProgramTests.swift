import Execution
import Graphs
import NeuralNetworks
import Testing

/// Programs of recurrent models against the float64 reference: loss, predictions and every gradient.
@Suite struct RecurrentProgramTests {
    private func check(
        _ model: any Layer, samples: Int = 5, tokens: Int = 6, label: Shape = [], isTraining: Bool = true
    ) throws -> ProgramCheck {
        try ProgramCheck(
            ModelTrace(
                model, sampleCount: samples, input: .init("x", [tokens], .int32),
                label: .init("y", label, .int32), loss: .softmaxCrossEntropy, isTraining: isTraining),
            idLimit: 3)
    }

    private func model(
        _ kind: RecurrentClassifier.Kind, hiddenSize: Int = 9, layerCount: Int = 1,
        isBidirectional: Bool = false,
        paddingID: Int? = 0, pooling: RecurrentOutput = .last, dropout: Double = 0
    ) -> RecurrentClassifier {
        RecurrentClassifier(
            kind, vocabularySize: 3, width: 5, hiddenSize: hiddenSize, outputs: 3, layerCount: layerCount,
            isBidirectional: isBidirectional, paddingID: paddingID, pooling: pooling, dropout: dropout)
    }

    @Test(arguments: RecurrentClassifier.Kind.allCases, [1, 16, 33])
    func kinds(kind: RecurrentClassifier.Kind, hiddenSize: Int) throws {
        for (paddingID, isTraining) in [(nil, true), (0, true), (0, false)] as [(Int?, Bool)] {
            try check(model(kind, hiddenSize: hiddenSize, paddingID: paddingID), isTraining: isTraining)
                .verify()
        }
    }

    @Test(arguments: RecurrentClassifier.Kind.allCases, [1, 8, 11])
    func stackedAndBidirectional(kind: RecurrentClassifier.Kind, samples: Int) throws {
        for pooling in [RecurrentOutput.last, .mean] {
            let model = model(kind, layerCount: 2, isBidirectional: true, pooling: pooling, dropout: 0.3)
            try check(model, samples: samples).verify("\(pooling)")
            try check(model, samples: samples, tokens: 1).verify("\(pooling) of one token")
        }
    }

    @Test func reluAndOutputsForEveryToken() throws {
        struct Tagger: Layer {
            let embedding = Embedding(3, 5)
            let recurrent = RNN(7, activation: .relu, layerCount: 2, isBidirectional: true, bias: false)
            let head = Dense(3)
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                try head(recurrent(embedding(input)).sum(axis: 1))
            }
        }
        try check(Tagger()).verify()
    }

    @Test func evaluationKeepsNothingForBackward() throws {
        let names = try check(model(.lstm), isTraining: false).plan.plannedSteps.first { $0.name == "lstm" }
        #expect(names?.writes.count == 1)
        let training = try check(model(.lstm)).plan.plannedSteps.first { $0.name == "lstm" }
        #expect(training?.writes.count == 3)
    }
}
