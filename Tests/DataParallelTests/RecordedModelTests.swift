import DataParallel
import Execution
import Graphs
import NeuralNetworks
import Testing

/// Every model against its namesake (Recording/record_models.py): the checkpoint's tensors, logits, all gradients, ten
/// losses of Adam and running statistics, by real programs and the real update.
@Suite struct RecordedModelTests {
    private static let bert = {
        var configuration = TransformerEncoder.Configuration(
            vocabularySize: 23, context: 10, layers: 2, width: 24, heads: 3, hidden: 20)
        configuration.dropout = 0
        return configuration
    }()

    private static func recurrent(
        _ kind: RecurrentClassifier.Kind, isBidirectional: Bool = false, pooling: RecurrentOutput = .last
    ) -> RecurrentClassifier {
        RecurrentClassifier(
            kind, vocabularySize: 19, width: 6, hiddenSize: 7, outputs: 3,
            layerCount: isBidirectional || pooling == .mean ? 2 : 1, isBidirectional: isBidirectional,
            pooling: pooling)
    }

    private static func llama(tied: Bool) -> Llama {
        var configuration = Llama.Configuration(
            vocabularySize: 23, layers: 2, width: 24, heads: 6, keyValueHeads: 2, hidden: 20)
        configuration.tiesOutput = tied
        return Llama(configuration)
    }

    private static func translation(_ order: NormOrder) -> EncoderDecoderTransformer {
        var configuration = EncoderDecoderTransformer.Configuration(
            vocabularySize: 23, layers: 2, width: 24, heads: 3, hidden: 20, dropout: 0)
        configuration.order = order
        return EncoderDecoderTransformer(configuration)
    }

    private static let models: [(name: String, make: @Sendable () throws -> any Layer)] = [
        ("denseBinary", { DenseNetwork(hidden: [12, 5], outputs: 1) }),
        ("denseNumbers", { DenseNetwork(hidden: [12], outputs: 2) }),
        ("pooledText", { PooledTextNetwork(vocabularySize: 19, width: 6, hidden: [5], outputs: 4) }),
        (
            "convolutionalClassifier",
            { ConvolutionalClassifier(convolutions: [5, 9], hidden: [11], classes: 4) }
        ),
        ("residual20", { try ResidualNetwork.cifar(depth: 20) }),
        ("resNet18", { ResidualNetwork.resNet18(classes: 10) }),
        (
            "textCNN",
            {
                TextCNN(
                    vocabularySize: 19, width: 6, channels: 5, lengths: [2, 3, 4], outputs: 3, dropout: 0)
            }
        ),
        ("rnn", { recurrent(.rnn) }), ("lstm", { recurrent(.lstm) }), ("gru", { recurrent(.gru) }),
        ("rnnBidirectional", { recurrent(.rnn, isBidirectional: true) }),
        ("lstmBidirectional", { recurrent(.lstm, isBidirectional: true) }),
        ("gruBidirectional", { recurrent(.gru, isBidirectional: true) }),
        ("lstmMean", { recurrent(.lstm, pooling: .mean) }),
        ("gpt", { GPT(.init(vocabularySize: 23, context: 10, layers: 2, width: 24, heads: 3)) }),
        ("llama", { llama(tied: false) }), ("llamaTied", { llama(tied: true) }),
        ("bertClassifier", { BERTClassifier(bert, classes: 4) }),
        ("maskedLanguageModel", { MaskedLanguageModel(bert) }),
        ("translation.after", { translation(.after) }), ("translation.before", { translation(.before) }),
    ]

    private func bench(_ name: String) throws -> ModelBench {
        let recorded = try #require(try Self.recorded.get().cases.first { $0.name == name })
        let model = try #require(Self.models.first { $0.name == name })
        return ModelBench(recorded: recorded, make: model.make)
    }

    private static let recorded = Result { try Recorded.load("models.json", as: RecordedModels.self) }

    @Test func everyCaseIsTested() throws {
        #expect(Set(try Self.recorded.get().cases.map(\.name)) == Set(Self.models.map(\.name)))
    }

    /// Names and shapes of the file; batch norms of PyTorch also count their batches, which nothing here reads.
    @Test(arguments: models.map(\.name)) func checkpointTensors(name: String) throws {
        let bench = try bench(name)
        let layout = ParameterLayout(try bench.trace(bench.recorded.samples))
        let ours = Dictionary(uniqueKeysWithValues: layout.allSegments.map { ($0.name, $0.storedShape) })
        #expect(ours == bench.recorded.tensors.filter { !$0.key.hasSuffix(".num_batches_tracked") })
    }

    @Test(arguments: models.map(\.name)) func logitsAndGradients(name: String) throws {
        let bench = try bench(name)
        let (logits, gradients) = try bench.evaluate()
        let recorded = bench.recorded
        let scale = recorded.logits.reduce(0) { max($0, abs($1)) }
        let worst = zip(logits, recorded.logits).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        #expect(logits.count == recorded.logits.count && worst < 1e-4 * scale, "logits: \(worst) of \(scale)")
        #expect(Set(gradients.keys) == Set(recorded.gradients.keys))
        // Biases of keys have no effect; their gradients of zero are rounding, which is no more than float32's.
        let floor = 1e-3 * (gradients.values.map(rootMeanSquare).max() ?? 0)
        for (name, values) in gradients {
            let theirs = try #require(recorded.gradients[name])
            let deviation = try deviation(values, theirs, floor: floor)
            #expect(deviation < 1e-4, "\(name)")
        }
    }

    private func rootMeanSquare(_ values: [Float]) -> Double {
        (values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)).squareRoot()
    }

    /// The greatest deviation from the recorded sum, length and elements, relative to the gradient's length or, of an
    /// element, its root mean square.
    private func deviation(_ values: [Float], _ theirs: [Double], floor: Double) throws -> Double {
        try #require(theirs.count == 6)
        let (count, numbers) = (values.count, HashedNumbers("weights"))
        let weighted = values.enumerated().reduce(0.0) { $0 + Double($1.element) * numbers.number($1.offset) }
        let root = Double(count).squareRoot()
        let scale = max(theirs[1] / root, floor)
        let sums = [(weighted - theirs[0]) / root, rootMeanSquare(values) - theirs[1] / root].map {
            abs($0) / scale
        }
        let elements = (0..<4).map { place in
            let (ours, theirs) = (Double(values[place * (count - 1) / 3]), theirs[2 + place])
            return abs(ours - theirs) / max(abs(theirs), scale)
        }
        return (sums + elements).max() ?? 0
    }

    @Test(arguments: models.map(\.name)) func tenStepsOfAdam(name: String) throws {
        let bench = try bench(name)
        let (losses, state) = try bench.train(steps: 10)
        let recorded = bench.recorded
        #expect(losses.count == 10 && recorded.losses.count == 10)
        for (ours, theirs) in zip(losses, recorded.losses) {
            #expect(abs(ours - theirs) < 1e-4 * theirs, "\(losses), PyTorch \(recorded.losses)")
        }
        for (name, theirs) in recorded.buffers {
            let ours = try #require(state.parameters[name]).values
            let worst = zip(ours, theirs).map { abs(Double($0) - $1) / max(abs($1), 0.1) }.max() ?? 1
            #expect(worst < 1e-4 && theirs.count == 8, "\(name): off by \(worst)")
        }
        #expect(recorded.buffers.count == recorded.tensors.count { $0.key.contains("running") })
    }

    /// Ten losses in bfloat16 against those of PyTorch's mixed precision. Of models this small only convolutions are
    /// computed so; Bfloat16Tests has the others.
    @Test(
        .enabled(if: Precision.hasBFloat16),
        arguments: ["convolutionalClassifier", "residual20", "resNet18", "textCNN"])
    func tenStepsInBfloat16(name: String) throws {
        let bench = try bench(name)
        let losses = try bench.train(steps: 10, precision: .bfloat16).losses
        let theirs = bench.recorded.narrowLosses
        #expect(losses.count == 10 && theirs.count == 10)
        for (ours, theirs) in zip(losses, theirs) { #expect(abs(ours - theirs) < 0.02 * theirs) }
        #expect(zip(losses, bench.recorded.losses).contains { abs($0 - $1) > 1e-4 * $1 }, "float32's losses")
    }
}
