import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Low-rank adapters against a plain implementation recorded from PyTorch in float64 (Recording/record_adapters.py), against
/// finite differences, and beside the model that they adapt.
@Suite struct LowRankAdapterTests {
    private static let options = LowRankOptions(rank: 2, alpha: 5)

    /// A layer whose parameters have the recording's names, its input among them.
    private struct Alone: Layer {
        let layer: any Layer
        var memory: Tensor?

        var namedLayers: [(name: String, layer: any Layer)] { [("", layer)] }

        func callAsFunction(_ input: Tensor) throws -> Tensor {
            guard let attention = layer as? MultiHeadAttention else { return try layer(input) }
            return try attention.attend(input, to: memory ?? input)
        }
    }

    /// Checkpoints hold matrices the other way round.
    private static func transposed(_ array: ReferenceArray) -> ReferenceArray {
        let (rows, columns) = (array.shape[0], array.shape[1])
        return ReferenceArray(
            [columns, rows],
            (0..<(rows * columns)).map { array.values[$0 % rows * columns + $0 / rows] })
    }

    private final class Owner {}
    private struct NoValues: Initializer {
        func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {}
    }

    /// Compares output and gradients with the recording, then the gradients with central differences.
    private func verify(
        _ name: String, _ layer: any Layer, _ patterns: [String], input: Shape, memory: Shape? = nil,
        keys: [String: Int]
    ) throws {
        let recorded = try #require(try RecordedLayers.load("adapters.json")[name])
        var model = Alone(layer: layer)
        try model.addAdapters(Self.options, to: patterns)
        let graph = Graph(layerPaths: model.layerPaths())
        let x = try graph.parameter("x", of: Owner(), shape: input, initializer: NoValues())
        var inputs: [String: ReferenceArray] = [:]
        if let memory {
            model.memory = graph.input("memory", TensorType(memory))
            inputs["memory"] = recordedArray(2, memory)
        }
        let output = try model(x)
        inputs["weights"] = recordedArray(9, output.shape)
        let loss = try (output * graph.input("weights", output.type)).sum()
        let gradients = try graph.gradients(of: loss).map { try #require($0) }
        var values = try graph.parameters.map { parameter in
            let key = try #require(keys[parameter.name], "\(parameter.name)")
            let isTransposed = parameter.storage == .transposed
            let stored = isTransposed ? Shape(parameter.shape.dimensions.reversed()) : parameter.shape
            return isTransposed ? Self.transposed(recordedArray(key, stored)) : recordedArray(key, stored)
        }
        let results = graph.evaluate([output] + gradients, inputs: inputs, parameters: values)
        #expect(zip(results[0].values, recorded.output).allSatisfy { abs($0 - $1) < 1e-8 * max(1, abs($1)) })
        #expect(results[0].values.count == recorded.output.count)
        #expect(Set(recorded.gradients.keys) == Set(graph.parameters.map(\.name)))
        for (place, parameter) in graph.parameters.enumerated() {
            let gradient = results[place + 1]
            let ours = (parameter.storage == .transposed ? Self.transposed(gradient) : gradient).values
            let theirs = try #require(recorded.gradients[parameter.name])
            #expect(ours.count == theirs.count)
            #expect(
                zip(ours, theirs).allSatisfy { abs($0 - $1) < 1e-8 * max(1, abs($1)) },
                "\(name): \(parameter.name)")
            // Finite differences of one element.
            let element = 3 % gradient.values.count
            let sides = [1e-5, -1e-5].map { step in
                values[place].values[element] += step
                defer { values[place].values[element] -= step }
                return graph.evaluate([loss], inputs: inputs, parameters: values)[0].values[0]
            }
            #expect(abs((sides[0] - sides[1]) / 2e-5 - gradient.values[element]) < 1e-6, "\(parameter.name)")
        }
    }

    @Test func denseIsPyTorchs() throws {
        try verify(
            "dense", Dense(5, activation: .gelu), [""], input: [4, 3, 7],
            keys: ["x": 1, "weight": 2, "bias": 3, "lora_A.weight": 4, "lora_B.weight": 5])
    }

    @Test(arguments: ["across", "within"]) func jointAttentionIsPyTorchs(name: String) throws {
        var options = MultiHeadAttention.Options(heads: 2)
        options.isJoint = true
        try verify(
            name, MultiHeadAttention(width: 6, options), [""], input: [2, 3, 6],
            memory: name == "across" ? [2, 4, 6] : nil,
            keys: [
                "x": 1, "in_proj_weight": 3, "in_proj_bias": 4, "lora_A.weight": 5, "lora_B.weight": 6,
                "out_proj.weight": 7, "out_proj.bias": 8,
            ])
    }

    /// The parameters of both by their names, and what comes out: B is zero at first.
    @Test func anAdaptedModelBeginsAsItsBase() throws {
        var configuration = TransformerEncoder.Configuration(
            vocabularySize: 11, context: 6, layers: 2, width: 8, heads: 2, hidden: 12)
        configuration.dropout = 0.2
        func logits(isAdapted: Bool) throws -> (names: [String], values: [Double]) {
            let model = BERTClassifier(configuration, classes: 3)
            if isAdapted { try model.addAdapters(LowRankOptions(dropout: 0.5), to: ["*"]) }
            let trace = try ModelTrace(
                model, sampleCount: 2, input: .init("tokens", [6], .int32), isTraining: false)
            let parameters = trace.graph.parameters.map { parameter in
                guard LowRankAdapter.owns(parameter.name) else {
                    let key = parameter.name.utf8.reduce(0) { $0 + Int($1) }
                    return recordedArray(key, parameter.shape)
                }
                let values = UnsafeMutableBufferPointer<Float>.allocate(
                    capacity: parameter.shape.elementCount)
                defer { values.deallocate() }
                parameter.initializer.fill(
                    values, shape: parameter.shape, stream: RandomStream(seed: 1, purpose: 1))
                return ReferenceArray(parameter.shape, values.map(Double.init))
            }
            let tokens = ReferenceArray([2, 6], [3, 4, 5, 6, 0, 0, 9, 8, 1, 2, 10, 7])
            let result = trace.graph.evaluate(
                [trace.predictions], inputs: ["tokens": tokens], parameters: parameters)
            return (trace.graph.parameters.map(\.name), result[0].values)
        }
        let (base, adapted) = (try logits(isAdapted: false), try logits(isAdapted: true))
        #expect(base.values == adapted.values && Set(base.values).count == 6)
        let added = Set(adapted.names).subtracting(base.names)
        // Two blocks of six matrices, the pooler and the output layer.
        #expect(added.count == 2 * (2 * 6 + 2) && added.allSatisfy(LowRankAdapter.owns))
        #expect(added.contains("bert.encoder.layer.1.attention.self.query.lora_A.weight"))
    }

    /// A begins within ±1/√inputs and not at zero; B at zero.
    @Test func firstValues() throws {
        let layer = Dense(5)
        try Sequential([layer]).addAdapters(LowRankOptions(rank: 4), to: ["0"])
        let graph = Graph()
        _ = try layer(graph.input("x", TensorType([2, 100])))
        for parameter in graph.parameters where LowRankAdapter.owns(parameter.name) {
            var values = [Float](repeating: 9, count: parameter.shape.elementCount)
            values.withUnsafeMutableBufferPointer {
                parameter.initializer.fill(
                    $0, shape: parameter.shape, stream: RandomStream(seed: 1, purpose: 1))
            }
            let greatest = values.map(abs).max() ?? 0
            #expect(
                parameter.name.contains("lora_B") ? greatest == 0 : (greatest > 0.09 && greatest <= 0.1),
                "\(parameter.name)")
        }
        #expect(graph.parameters.count == 4)
    }

    @Test func patternsNameLayersOrTheirEnds() throws {
        func paths(_ patterns: [String]) throws -> [String] {
            let small = TransformerEncoder.Configuration(
                vocabularySize: 9, context: 4, layers: 2, width: 4, heads: 1, hidden: 4)
            return try MeanPooledClassifier(small, classes: 2).addAdapters(Self.options, to: patterns)
        }
        #expect(
            try paths(["query", "classifier"]) == [
                "bert.encoder.layer.0.attention.self.query", "bert.encoder.layer.1.attention.self.query",
                "classifier",
            ])
        #expect(try paths(["bert.encoder.layer.1.*"]).count == 6)
        #expect(try paths(["*"]).count == 13)
        for (pattern, remedy) in [("qeury", "query"), ("embeddings.word_embeddings", "use one of")] {
            let error = #expect(throws: LockstepError.self) { try paths([pattern]) }
            #expect(
                error?.code == .usage && error?.remedy?.contains(remedy) == true,
                "\(String(describing: error))")
        }
    }

    @Test func wrongSizesAreRefused() throws {
        for options in [LowRankOptions(rank: 0), LowRankOptions(alpha: 0), LowRankOptions(dropout: 1)] {
            let layer = Dense(5)
            try Sequential([layer]).addAdapters(options, to: ["0"])
            #expect(throws: LockstepError.self) { try layer(Graph().input("x", TensorType([2, 3]))) }
        }
    }
}
