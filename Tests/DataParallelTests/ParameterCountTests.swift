import Graphs
import NeuralNetworks
import Testing

/// Models of full size have as many parameters as their namesakes (Recording/record_models.py). They are traced alone:
/// nothing holds a weight.
@Suite struct ParameterCountTests {
    private struct Namesake: Sendable {
        let name: String
        var inputs = [ModelTrace.Field("tokens", [8], .int32)]
        let make: @Sendable () throws -> any Layer

        static func images(
            _ name: String, size: Int, _ make: @escaping @Sendable () throws -> any Layer
        ) -> Namesake {
            Namesake(name: name, inputs: [.init("images", [3, size, size])], make: make)
        }
    }

    private static let large = TransformerEncoder.Configuration(layers: 24, width: 1024, heads: 16)

    private static let namesakes = [
        Namesake(name: "gpt2") { GPT(.init()) },
        Namesake(name: "gpt2XL") { GPT(.init(layers: 48, width: 1600, heads: 25)) },
        Namesake(name: "bertBase") { BERTClassifier(.init(), classes: 2) },
        Namesake(name: "bertBaseMasked") { MaskedLanguageModel(.init()) },
        Namesake(name: "bertLargeMasked") { MaskedLanguageModel(large) },
        Namesake(name: "llama2Of7B") {
            Llama(.init(vocabularySize: 32_000, layers: 32, width: 4096, heads: 32, hidden: 11_008))
        },
        Namesake(name: "tinyLlama") {
            Llama(
                .init(
                    vocabularySize: 32_000, layers: 22, width: 2048, heads: 32, keyValueHeads: 4, hidden: 5632
                ))
        },
        Namesake(
            name: "transformerBase",
            inputs: [.init("source", [8], .int32), .init("target", [7], .int32)]
        ) { EncoderDecoderTransformer(.init(vocabularySize: 37_000)) },
        .images("resNet18", size: 224) { ResidualNetwork.resNet18() },
        .images("residual20", size: 32) { try ResidualNetwork.cifar(depth: 20) },
        .images("residual56", size: 32) { try ResidualNetwork.cifar(depth: 56) },
        .images("residual110", size: 32) { try ResidualNetwork.cifar(depth: 110) },
        Namesake(name: "kimTextCNN") { TextCNN(vocabularySize: 18_766, width: 300, outputs: 2) },
        Namesake(name: "lstm") {
            RecurrentClassifier(
                vocabularySize: 20_000, width: 128, hiddenSize: 256, outputs: 2, layerCount: 2,
                isBidirectional: true)
        },
    ]

    @Test(arguments: namesakes.map(\.name)) func equalsTheNamesake(name: String) throws {
        let counts = try Recorded.load("models.json", as: RecordedModels.self).counts
        let namesake = try #require(Self.namesakes.first { $0.name == name })
        let trace = try ModelTrace(
            namesake.make(), sampleCount: 1, inputs: namesake.inputs, isTraining: false)
        #expect(trace.graph.parameters.reduce(0) { $0 + $1.shape.elementCount } == counts[name])
    }

    /// The counts that their authors and libraries state.
    @Test func knownCounts() throws {
        let counts = try Recorded.load("models.json", as: RecordedModels.self).counts
        #expect(Set(counts.keys) == Set(Self.namesakes.map(\.name)))
        #expect(counts["gpt2"] == 124_439_808 && counts["gpt2XL"] == 1_557_611_200)
        #expect(counts["llama2Of7B"] == 6_738_415_616 && counts["tinyLlama"] == 1_100_048_384)
        #expect(counts["resNet18"] == 11_689_512 && counts["residual20"] == 269_722)
        // BertModel's 109,482,240 and an output layer of two classes.
        #expect(counts["bertBase"] == 109_482_240 + 2 * 769)
    }
}
