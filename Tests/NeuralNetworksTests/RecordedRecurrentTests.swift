import Foundation
import Graphs
import NeuralNetworks
import Testing

/// Recurrent layers against states and gradients that PyTorch gave in float64 (Recording/record_recurrent.py).
@Suite struct RecordedRecurrentTests {
    private struct Recorded: Decodable {
        struct Case: Decodable {
            let name: String
            let output: [Double]
            let gradients: [String: [Double]]
            let parameters: Int
        }
        let cases: [Case]
    }
    private final class Owner {}
    private struct NoValues: Initializer {
        func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {}
    }
    /// Names a layer as the recorded module names it.
    private struct Named: Layer {
        let layer: any Layer
        var namedLayers: [(name: String, layer: any Layer)] { [("", layer)] }
        func callAsFunction(_ input: Tensor) throws -> Tensor { try layer(input) }
    }

    private static let ids = [1, 2, 3, 4, 3, 3, 0, 0, 5, 0, 0, 0]

    private func recorded(_ name: String) throws -> Recorded.Case {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Recorded/recurrent.json")
        let all = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file)).cases
        return try #require(all.first { $0.name == name })
    }

    /// Rows and columns exchanged.
    private func transpose(_ array: ReferenceArray) -> ReferenceArray {
        let (rows, columns) = (array.shape[0], array.shape[1])
        let values = (0..<columns).flatMap { column in
            (0..<rows).map { array.values[$0 * columns + column] }
        }
        return ReferenceArray([columns, rows], values)
    }

    private func compare(_ ours: [Double], _ theirs: [Double]?, _ what: String) {
        #expect(ours.count == theirs?.count, "\(what)")
        let worst = zip(ours, theirs ?? []).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
        #expect(worst < 1e-8, "\(what): off by \(worst)")
    }

    /// Gives each parameter its recorded numbers in checkpoint layout and compares output and all gradients.
    private func verify(_ output: Tensor, _ name: String, extra: [String: ReferenceArray] = [:]) throws {
        let (graph, recorded) = (output.graph, try recorded(name))
        let weights = graph.input("weights", output.type)
        let loss = try (output * weights).sum()
        let gradients = try graph.gradients(of: loss).map { try #require($0) }
        var (values, number) = ([ReferenceArray](), 10)
        for parameter in graph.parameters {
            if let value = extra[parameter.name] {
                values.append(value)
                continue
            }
            let isTransposed = parameter.storage == .transposed
            let shape = isTransposed ? Shape(parameter.shape.dimensions.reversed()) : parameter.shape
            let stored = recordedArray(number, shape, scale: 0.8)
            values.append(isTransposed ? transpose(stored) : stored)
            number += 1
        }
        let inputs = [
            "weights": recordedArray(9, output.shape),
            "ids": ReferenceArray([3, 4], Self.ids.map(Double.init)),
        ]
        let results = graph.evaluate([output] + gradients, inputs: inputs, parameters: values)
        compare(results[0].values, recorded.output, "\(name) output")
        #expect(Set(graph.parameters.map(\.name)) == Set(recorded.gradients.keys))
        let own = graph.parameters.filter { extra[$0.name] == nil }
        #expect(own.reduce(0) { $0 + $1.shape.elementCount } == recorded.parameters)
        for (parameter, gradient) in zip(graph.parameters, results.dropFirst()) {
            let ours = parameter.storage == .transposed ? transpose(gradient) : gradient
            compare(ours.values, recorded.gradients[parameter.name], "\(name): \(parameter.name)")
        }
    }

    private func layer(_ cell: RecurrentCell, layerCount: Int, isBidirectional: Bool) -> any Layer {
        switch cell {
        case .tanh: RNN(3, layerCount: layerCount, isBidirectional: isBidirectional)
        case .relu: RNN(3, activation: .relu, layerCount: layerCount, isBidirectional: isBidirectional)
        case .lstm: LSTM(3, layerCount: layerCount, isBidirectional: isBidirectional)
        case .gru: GRU(3, layerCount: layerCount, isBidirectional: isBidirectional)
        }
    }

    private func layers(
        _ cell: RecurrentCell, _ layerCount: Int, _ isBidirectional: Bool, isPadded: Bool, tokens: Int
    )
        throws
    {
        let layer = layer(cell, layerCount: layerCount, isBidirectional: isBidirectional)
        let graph = Graph(layerPaths: Named(layer: layer).layerPaths())
        var x = try graph.parameter("x", of: Owner(), shape: [3, tokens, 2], initializer: NoValues())
        if isPadded {
            x.mask = TokenMask(ids: graph.input("ids", TensorType([3, 4], .int32)).node, paddingID: 0)
        }
        // Python's spelling, as the script wrote it.
        func word(_ flag: Bool) -> String { flag ? "True" : "False" }
        try verify(
            try layer(x), "\(cell.rawValue) \(layerCount) \(word(isBidirectional)) \(word(isPadded))",
            extra: ["x": recordedArray(1, [3, tokens, 2])])
    }

    @Test(arguments: RecurrentCell.allCases) func oneToken(cell: RecurrentCell) throws {
        try layers(cell, 1, false, isPadded: false, tokens: 1)
    }

    @Test(arguments: RecurrentCell.allCases) func variableLengths(cell: RecurrentCell) throws {
        try layers(cell, 1, false, isPadded: true, tokens: 4)
    }

    @Test(arguments: RecurrentCell.allCases) func stackedBidirectionalPadded(cell: RecurrentCell) throws {
        try layers(cell, 2, true, isPadded: true, tokens: 4)
    }

    @Test func classifier() throws {
        let model = RecurrentClassifier(
            vocabularySize: 6, width: 3, hiddenSize: 4, outputs: 2, layerCount: 2)
        let graph = Graph(layerPaths: model.layerPaths())
        try verify(try model(graph.input("ids", TensorType([3, 4], .int32))), "classifier")
    }
}
