import Execution
import Graphs
import NeuralNetworks
import Testing

/// Programs of bfloat16 against PyTorch's mixed precision (Recording/record_bfloat16.py) and against float32: models
/// around one operation each. Eight bits of mantissa round by up to 0.4 %, and a gradient passes several roundings on its
/// way, at other places on either side.
@Suite(.enabled(if: Precision.hasBFloat16)) struct Bfloat16Tests {
    /// Something between two products.
    private struct Between: Layer {
        let first: Dense
        let middle: Sequential
        let last = Dense(40)

        init(bias: Bool = true, activation: Activation? = nil, _ middle: [any Layer] = []) {
            first = Dense(96, activation: activation, bias: bias)
            self.middle = Sequential(middle)
        }

        var namedLayers: [(name: String, layer: any Layer)] {
            [("first", first), ("last", last)] + middle.layers.map { ("middle", $0) }
        }

        func callAsFunction(_ input: Tensor) throws -> Tensor { try last(middle(first(input))) }
    }

    /// Tokens that attend to those before them.
    private struct Attending: Layer {
        let embedding = Embedding(13, 48)
        let projection = Dense(144)
        let head = Dense(40)

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            let packed = try projection(embedding(input))
            let seen = try packed.attention(.packed, [], heads: 2, groups: 2, isCausal: true, mask: nil)
            return try head(MeanPool(axis: 1)(seen))
        }
    }

    /// Two convolutions with a norm between them.
    private struct Convolving: Layer {
        let first = Conv2d(16, kernel: 3, bias: false)
        let norm = BatchNorm()
        let second = Conv2d(16, kernel: 3, stride: 2, activation: .gelu)
        let head = Dense(40)

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            try head(GlobalAveragePool()(second(norm(first(input)).activated(.gelu))))
        }
    }

    /// Fewer pixels by average pooling, then more by a transposed convolution.
    private struct Resampling: Layer {
        let first = Conv2d(16, kernel: 3, bias: false)
        let second = ConvTranspose2d(16, kernel: 3, stride: 2, activation: .gelu)
        let head = Dense(40)

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            try head(GlobalAveragePool()(second(AvgPool2d(2)(first(input)))))
        }
    }

    /// The embeddings of all tokens side by side.
    private struct Words: Layer {
        let embedding = Embedding(13, 16)
        let head = Dense(40)

        func callAsFunction(_ input: Tensor) throws -> Tensor { try head(Flatten()(embedding(input))) }
    }

    private static func recurrent(_ kind: RecurrentClassifier.Kind) -> RecurrentClassifier {
        RecurrentClassifier(kind, vocabularySize: 13, width: 48, hiddenSize: 64, outputs: 40)
    }

    private static var translation: EncoderDecoderTransformer {
        var configuration = EncoderDecoderTransformer.Configuration(
            vocabularySize: 40, layers: 2, width: 96, heads: 3, hidden: 128, dropout: 0)
        configuration.order = .before
        return EncoderDecoderTransformer(configuration)
    }

    private static let models: [(name: String, make: @Sendable () throws -> any Layer)] = [
        ("linear", { Between() }), ("gelu", { Between(activation: .gelu) }),
        ("layerNorm", { Between([LayerNorm()]) }), ("rmsNorm", { Between([RMSNorm(epsilon: 1e-5)]) }),
        ("batchNorm", { Between(bias: false, [BatchNorm()]) }), ("convolution", { Convolving() }),
        ("groupNorm", { Between([GroupNorm(8)]) }), ("resampling", { Resampling() }),
        ("pooling", { ConvolutionalClassifier(convolutions: [16, 24], hidden: [48], classes: 40) }),
        ("attention", { Attending() }), ("embedding", { Words() }), ("rnn", { recurrent(.rnn) }),
        ("lstm", { recurrent(.lstm) }), ("gru", { recurrent(.gru) }),
        ("gpt", { GPT(.init(vocabularySize: 40, context: 12, layers: 2, width: 96, heads: 3)) }),
        (
            "llama",
            {
                Llama(
                    .init(
                        vocabularySize: 40, layers: 2, width: 96, heads: 6, keyValueHeads: 2, hidden: 128))
            }
        ),
        (
            "bertClassifier",
            {
                BERTClassifier(
                    .init(vocabularySize: 40, context: 12, layers: 2, width: 96, heads: 3, hidden: 128),
                    classes: 40)
            }
        ), ("translation", { translation }),
    ]

    @Test(arguments: models.map(\.name)) func equalsPyTorch(name: String) throws {
        let cases = try Recorded.load("bfloat16.json", as: RecordedModels.self).cases
        #expect(Set(cases.map(\.name)) == Set(Self.models.map(\.name)))
        let recorded = try #require(cases.first { $0.name == name })
        let model = try #require(Self.models.first { $0.name == name })
        let bench = ModelBench(recorded: recorded, make: model.make)
        let trace = try bench.trace(recorded.samples)
        let plan = try Plan(trace, layout: ParameterLayout(trace), precision: .bfloat16)
        #expect(plan.report.contains("bfloat16: ") && !plan.report.contains("bfloat16: 0 values"))

        let (narrow, exact) = (try bench.evaluate(precision: .bfloat16), try bench.evaluate())
        compare(narrow.logits, recorded.logits, exact.logits, "logits")
        #expect(Set(narrow.gradients.keys) == Set(recorded.gradients.keys))
        // Biases of keys have no effect: their gradients of zero are all rounding.
        for (name, values) in narrow.gradients where !name.hasSuffix("key.bias") {
            compare(
                values, try #require(recorded.gradients[name]), try #require(exact.gradients[name]), name)
        }
    }

    /// Differences relative to the length: from PyTorch's numbers by sums weighted by hashed numbers, whose squares are
    /// on average a third of the squared length; from our float32's themselves. Where PyTorch itself is far from float32
    /// (rounding lets other pixels win a maximum), we may be too.
    private func compare(_ ours: [Float], _ theirs: [Double], _ exact: [Float], _ what: String) {
        let (length, limit) = (theirs[0], max(0.01, 2 * theirs[1]))
        let sums = (0..<16).map { key in
            let numbers = HashedNumbers("weights\(key)")
            return ours.enumerated().reduce(0.0) { $0 + Double($1.element) * numbers.number($1.offset) }
        }
        let squares = zip(sums, theirs.dropFirst(2)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        let fromTorch = (3 * squares / 16).squareRoot() / length
        let fromExact =
            zip(ours, exact).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }.squareRoot() / length
        #expect(theirs.count == 18 && fromTorch < limit, "\(what): off PyTorch by \(fromTorch)")
        #expect(fromExact < limit, "\(what): off float32 by \(fromExact)")
        // Where logits are small, the last bias's gradient hardly differs.
        #expect(fromExact > 1e-4 || what == "head.bias", "\(what): is float32's")
    }
}
