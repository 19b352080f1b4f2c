import Foundation
import Graphs
import NeuralNetworks
import Testing

/// Small transformers against logits, gradients and ten losses recorded from PyTorch in float64
/// (Recording/record_transformers.py). Parameters are found by the names that checkpoints give them.
@Suite struct RecordedTransformerTests {
    private struct Recorded: Decodable {
        struct Case: Decodable {
            let name: String
            /// The parameters' names in the order of their keys.
            let names: [String]
            let logits: [Double]
            let gradients: [String: [Double]]
            let losses: [Double]
        }

        let cases: [Case]

        static func load(_ name: String) throws -> Case {
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("Recorded/transformers.json")
            let recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file))
            return try #require(recorded.cases.first { $0.name == name })
        }
    }

    /// A field of int32 ids with its numbers, one row a sample.
    private struct Field {
        let name: String
        let rows: [[Int]]
        var trace: ModelTrace.Field { .init(name, [rows[0].count], .int32) }
        var array: ReferenceArray {
            .init([rows.count, rows[0].count], rows.joined().map(Double.init))
        }
    }

    /// The script's ids.
    private func ids(_ key: Int, _ rows: Int, _ columns: Int, _ limit: Int) -> [[Int]] {
        let values = recordedArray(key, [rows * columns]).values.map {
            min(limit - 1, Int(($0 + 1) / 2 * Double(limit)))
        }
        return (0..<rows).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
    }

    /// A model under test with its parameters' values.
    private final class Bench {
        let recorded: Recorded.Case
        let trace: ModelTrace
        var inputs: [String: ReferenceArray] = [:]
        var parameters: [ReferenceArray] = []

        init(_ name: String, _ model: any Layer, inputs: [Field], labels: Field, isOneEach: Bool) throws {
            recorded = try Recorded.load(name)
            let label = ModelTrace.Field("labels", isOneEach ? [] : labels.trace.sampleShape, .int32)
            trace = try ModelTrace(
                model, sampleCount: inputs[0].rows.count, inputs: inputs.map(\.trace), label: label,
                loss: .softmaxCrossEntropy, isTraining: true)
            for field in inputs { self.inputs[field.name] = field.array }
            self.inputs["labels"] = labels.array
            parameters = try trace.graph.parameters.map(value)
        }

        /// Number i of the script has key 100 + i; weights of norms, the only ones of rank 1, are one more.
        private func value(_ parameter: Graph.Parameter) throws -> ReferenceArray {
            let place = try #require(recorded.names.firstIndex(of: parameter.name), "\(parameter.name)")
            let isTransposed = parameter.storage == .transposed
            let shape = isTransposed ? Shape(parameter.shape.dimensions.reversed()) : parameter.shape
            let isNorm = parameter.name.hasSuffix(".weight") && shape.rank == 1
            let stored = recordedArray(100 + place, shape, scale: 0.3).map {
                Double(Float(isNorm ? $0 + 1 : $0))
            }
            return isTransposed ? transpose(stored) : stored
        }

        /// Loss and gradients in the engine's layout, after logits.
        func evaluate() throws -> [ReferenceArray] {
            let loss = try #require(trace.loss)
            let gradients = try trace.gradients.map { try #require($0) }
            return trace.graph.evaluate(
                [trace.predictions, loss] + gradients, inputs: inputs, parameters: parameters)
        }

        /// Ten steps of Adam with PyTorch's defaults on the mean loss.
        func train() throws -> [Double] {
            var moments = parameters.map { ($0.map { _ in 0 }, $0.map { _ in 0 }) }
            return try (1...10).map { step in
                let results = try evaluate()
                let count = Double(trace.lossTermCount)
                for index in parameters.indices {
                    let gradient = results[index + 2].map { $0 / count }
                    moments[index].0 = moments[index].0.zip(gradient) { 0.9 * $0 + 0.1 * $1 }
                    moments[index].1 = moments[index].1.zip(gradient) { 0.999 * $0 + 0.001 * $1 * $1 }
                    let (rate, root) = (1e-3 / (1 - pow(0.9, Double(step))), 1 - pow(0.999, Double(step)))
                    let change = moments[index].0.zip(moments[index].1) {
                        rate * $0 / (($1 / root).squareRoot() + 1e-8)
                    }
                    parameters[index] = parameters[index].zip(change) { $0 - $1 }
                }
                return results[1].values[0] / count
            }
        }

        func verify() throws {
            let graph = trace.graph
            #expect(Set(graph.parameters.map(\.name)) == Set(recorded.names))
            let results = try evaluate()
            compare(results[0].values, recorded.logits, "logits")
            for (parameter, gradient) in zip(graph.parameters, results.dropFirst(2)) {
                let ours = parameter.storage == .transposed ? transpose(gradient) : gradient
                compare(ours.values, recorded.gradients[parameter.name] ?? [], parameter.name)
            }
            for (ours, theirs) in zip(try train(), recorded.losses) { #expect(abs(ours - theirs) < 1e-7) }
        }

        private func transpose(_ array: ReferenceArray) -> ReferenceArray {
            let (rows, columns) = (array.shape[0], array.shape[1])
            let values = (0..<columns).flatMap { column in
                (0..<rows).map { array.values[$0 * columns + column] }
            }
            return ReferenceArray([columns, rows], values)
        }

        private func compare(_ ours: [Double], _ theirs: [Double], _ what: String) {
            #expect(ours.count == theirs.count, "\(recorded.name): \(what)")
            let worst = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
            #expect(worst < 8e-6, "\(recorded.name): \(what) is off by \(worst)")
        }
    }

    private func verify(
        _ name: String, _ model: any Layer, inputs: [[[Int]]], labels: [[Int]], isOneEach: Bool = false
    ) throws {
        let fields = inputs.enumerated().map { Field(name: "input\($0.offset)", rows: $0.element) }
        try Bench(
            name, model, inputs: fields, labels: Field(name: "labels", rows: labels), isOneEach: isOneEach
        ).verify()
    }

    @Test func gpt() throws {
        let model = GPT(.init(vocabularySize: 11, context: 8, layers: 2, width: 8, heads: 2))
        try verify("gpt", model, inputs: [ids(1, 3, 6, 11)], labels: ids(2, 3, 6, 11))
    }

    @Test func llama() throws {
        let model = Llama(
            .init(vocabularySize: 11, layers: 2, width: 8, heads: 4, keyValueHeads: 2, hidden: 12))
        try verify("llama", model, inputs: [ids(1, 2, 6, 11)], labels: ids(2, 2, 6, 11))
    }

    private let bert = TransformerEncoder.Configuration(
        vocabularySize: 11, context: 8, layers: 1, width: 8, heads: 2, hidden: 12)

    /// The first text is shorter than the others.
    private func texts() -> [[Int]] {
        var tokens = ids(1, 3, 6, 11)
        tokens[0][4] = 0
        tokens[0][5] = 0
        for row in tokens.indices { tokens[row][0] = 3 }
        return tokens
    }

    @Test func bertClassifier() throws {
        let labels = [ids(2, 1, 3, 3)[0]]
        let model = BERTClassifier(bert, classes: 3)
        try verify(
            "bertClassifier", model, inputs: [texts(), ids(3, 3, 6, 2)], labels: labels, isOneEach: true)
        try verify("bertClassifierOfOneType", model, inputs: [texts()], labels: labels, isOneEach: true)
    }

    @Test func maskedLanguageModel() throws {
        try verify(
            "maskedLanguageModel", MaskedLanguageModel(bert), inputs: [texts()], labels: ids(2, 3, 6, 11))
    }

    @Test(arguments: NormOrder.allCases) func translation(order: NormOrder) throws {
        var (source, target) = (ids(1, 3, 5, 11), ids(2, 3, 4, 11))
        source[0][3] = 0
        source[0][4] = 0
        target[1][3] = 0
        for row in 0..<3 { (source[row][0], target[row][0]) = (3, 2) }
        var configuration = EncoderDecoderTransformer.Configuration(
            vocabularySize: 11, layers: 1, width: 8, heads: 2, hidden: 12, dropout: 0)
        configuration.order = order
        try verify(
            "translation.\(order.rawValue)", EncoderDecoderTransformer(configuration),
            inputs: [source, target], labels: ids(4, 3, 4, 11))
    }
}
