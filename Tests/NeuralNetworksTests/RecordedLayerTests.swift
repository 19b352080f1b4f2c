import Foundation
import Graphs
import NeuralNetworks
import Testing

/// Layers and losses against outputs and gradients recorded from PyTorch in float64 (Recording/record_layers.py).
@Suite struct RecordedLayerTests {
    private final class Owner {}
    private struct NoValues: Initializer {
        func fill(_ values: UnsafeMutableBufferPointer<Float>, shape: Shape, stream: RandomStream) {}
    }

    /// Traces a computation whose leaves are parameters, so that all of them get gradients.
    private final class Bench {
        let graph = Graph()
        private let owner = Owner()
        var values: [ReferenceArray] = []
        var inputs: [String: ReferenceArray] = [:]

        func leaf(_ array: ReferenceArray) throws -> Tensor {
            values.append(array)
            return try graph.parameter("leaf", of: owner, shape: array.shape, initializer: NoValues())
        }

        func ids(_ shape: Shape, _ ids: [Int]) -> Tensor {
            inputs["ids"] = ReferenceArray(shape, ids.map(Double.init))
            return graph.input("ids", TensorType(shape, .int32))
        }

        func input(_ array: ReferenceArray) -> Tensor {
            let name = "i\(inputs.count)"
            inputs[name] = array
            return graph.input(name, TensorType(array.shape))
        }

        /// Compares the output and, in the order of the parameters, the gradients of those that are named.
        func verify(_ output: Tensor, _ name: String, gradients names: [String], transposed: Set<String> = [])
            throws
        {
            let recorded = try #require(try RecordedLayers.load()[name])
            let loss =
                output.shape == .scalar ? output : try (output * input(recordedArray(9, output.shape))).sum()
            let gradients = try graph.gradients(of: loss).map { try #require($0) }
            let results = graph.evaluate([output] + gradients, inputs: inputs, parameters: values)
            compare(results[0].values, recorded.output, "\(name) output")
            #expect(gradients.count == names.count && Set(recorded.gradients.keys) == Set(names))
            for (index, gradient) in names.enumerated() {
                var ours = results[index + 1]
                if transposed.contains(gradient) { ours = transpose(ours) }
                compare(ours.values, recorded.gradients[gradient] ?? [], "\(name) gradient of \(gradient)")
            }
        }

        private func compare(_ ours: [Double], _ theirs: [Double], _ what: String) {
            #expect(ours.count == theirs.count, "\(what)")
            let worst = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
            #expect(worst < 1e-8, "\(what): off by \(worst)")
        }
    }

    private static func transpose(_ array: ReferenceArray) -> ReferenceArray {
        let (rows, columns) = (array.shape[0], array.shape[1])
        let values = (0..<columns).flatMap { column in (0..<rows).map { array.values[$0 * columns + column] }
        }
        return ReferenceArray([columns, rows], values)
    }

    private let ids = [1, 2, 0, 0, 5, 3, 3, 3, 1, 0, 0, 0, 0, 0, 0]

    @Test func linear() throws {
        let bench = Bench()
        let x = try bench.leaf(recordedArray(1, [5, 7]))
        let output = try Dense(3)(x)
        bench.values += [Self.transpose(recordedArray(2, [3, 7])), recordedArray(3, [3])]
        try bench.verify(output, "linear", gradients: ["x", "weight", "bias"], transposed: ["weight"])
    }

    @Test func embedding() throws {
        let bench = Bench()
        let output = try Embedding(6, 4)(bench.ids([3, 5], ids))
        bench.values = [recordedArray(2, [6, 4])]
        try bench.verify(output, "embedding", gradients: ["weight"])
    }

    @Test func meanPoolingWithPadding() throws {
        let bench = Bench()
        let output = try MeanPool()(Embedding(6, 4, paddingID: 0)(bench.ids([3, 5], ids)))
        bench.values = [recordedArray(2, [6, 4])]
        try bench.verify(output, "pooling", gradients: ["weight"])
    }

    @Test(arguments: Activation.allCases) func activations(activation: Activation) throws {
        let bench = Bench()
        let output = try bench.leaf(recordedArray(1, [4, 5], scale: 3)).activated(activation)
        try bench.verify(output, activation.rawValue, gradients: ["x"])
    }

    /// Labels [2, 3] of logits [2, 3, 4]: rows that do not count, and targets spread over the classes.
    @Test func crossEntropyWithIgnoredLabelsAndSmoothing() throws {
        let cases: [(String, [Int], LossOptions)] = [
            ("ignored", [0, -100, 3, 1, 2, -100], LossOptions(ignoredLabel: -100)),
            ("smoothed", [0, 1, 3, 1, 2, 2], LossOptions(labelSmoothing: 0.1)),
            (
                "ignoredSmoothed", [0, -100, 3, 1, 2, -100],
                LossOptions(ignoredLabel: -100, labelSmoothing: 0.3)
            ),
        ]
        for (name, labels, options) in cases {
            let bench = Bench()
            let logits = try bench.leaf(recordedArray(1, [2, 3, 4], scale: 4))
            let sum = try Loss.softmaxCrossEntropy.sum(
                predictions: logits, labels: bench.ids([2, 3], labels), options: options)
            try bench.verify(sum, "softmaxCrossEntropy-" + name, gradients: ["x"])
        }
    }

    /// A teacher's probabilities, softened as the script softens them, beside the labels.
    @Test func distillation() throws {
        let labels = [0, 3, 1, 1, 2]
        for (name, weight, temperature) in [
            ("plain", 0.3, 1.0), ("softened", 0.7, 2.5), ("alone", 1.0, 2.0),
        ] {
            let bench = Bench()
            let logits = try bench.leaf(recordedArray(1, [5, 4], scale: 4))
            let teacher = recordedArray(4, [5, 4], scale: 3).values
            let targets = labels.enumerated().flatMap { row, label in
                let powers = (0..<4).map { exp(teacher[row * 4 + $0] / temperature) }
                let total = powers.reduce(0, +)
                return (0..<4).map { $0 == label ? 1.0 : 0 } + powers.map { $0 / total }
            }
            let sum = try Loss.distillation.sum(
                predictions: logits, labels: bench.input(ReferenceArray([5, 2, 4], targets)),
                options: LossOptions(teacherWeight: weight, temperature: temperature))
            #expect(Loss.distillation.termCount(predictions: logits.shape) == 5)
            try bench.verify(sum, "distillation-" + name, gradients: ["x"])
        }
    }

    @Test func losses() throws {
        let softmax = Bench()
        let logits = try softmax.leaf(recordedArray(1, [5, 4], scale: 4))
        let classes = try Loss.softmaxCrossEntropy.sum(
            predictions: logits, labels: softmax.ids([5], [0, 3, 1, 1, 2]))
        try softmax.verify(classes, "softmaxCrossEntropy", gradients: ["x"])

        let sigmoid = Bench()
        let targets = recordedArray(4, [6, 1], scale: 0.5).map { $0 + 0.5 }
        let yesNo = try Loss.sigmoidCrossEntropy.sum(
            predictions: sigmoid.leaf(recordedArray(1, [6, 1], scale: 4)), labels: sigmoid.input(targets))
        try sigmoid.verify(yesNo, "sigmoidCrossEntropy", gradients: ["x"])

        let squares = Bench()
        let sum = try Loss.meanSquaredError.sum(
            predictions: squares.leaf(recordedArray(1, [4, 3])),
            labels: squares.input(recordedArray(4, [4, 3])))
        try squares.verify(sum, "meanSquaredError", gradients: ["x"])
    }
}
