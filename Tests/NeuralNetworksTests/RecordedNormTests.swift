import Graphs
import NeuralNetworks
import Testing

/// Norms against outputs and gradients recorded from PyTorch in float64 (Recording/record_norms.py).
@Suite struct RecordedNormTests {
    private final class Owner {}

    /// Traces a layer whose input is a parameter, so that it gets a gradient too, and compares.
    private func verify(
        _ layer: any Layer, _ name: String, x: ReferenceArray, parameters: [ReferenceArray],
        gradients names: [String] = ["x", "weight", "bias"]
    ) throws {
        let recorded = try #require(try RecordedLayers.load("norms.json")[name])
        let graph = Graph()
        let leaf = try graph.parameter("leaf", of: Owner(), shape: x.shape, initializer: Zeros())
        let output = try layer(leaf)
        let weights = graph.input("weights", TensorType(output.shape))
        let gradients = try graph.gradients(of: (output * weights).sum()).map { try #require($0) }
        let results = graph.evaluate(
            [output] + gradients, inputs: ["weights": recordedArray(9, output.shape)],
            parameters: [x] + parameters)
        #expect(gradients.count == names.count && Set(recorded.gradients.keys) == Set(names))
        compare(results[0].values, recorded.output, "\(name) output")
        for (index, gradient) in names.enumerated() {
            compare(
                results[index + 1].values, recorded.gradients[gradient] ?? [], "\(name): \(gradient)")
        }
    }

    private func compare(_ ours: [Double], _ theirs: [Double], _ what: String) {
        #expect(ours.count == theirs.count, "\(what)")
        let worst = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
        #expect(worst < 1e-8, "\(what): off by \(worst)")
    }

    @Test func layerNorm() throws {
        try verify(
            LayerNorm(), "layerNorm", x: recordedArray(1, [5, 7]),
            parameters: [recordedArray(2, [7]), recordedArray(3, [7])])
        try verify(
            LayerNorm(axes: 2, epsilon: 1e-3), "layerNormTwoAxes", x: recordedArray(1, [2, 3, 4]),
            parameters: [recordedArray(2, [3, 4]), recordedArray(3, [3, 4])])
    }

    @Test func groupNorm() throws {
        try verify(
            GroupNorm(3), "groupNorm", x: recordedArray(1, [2, 6, 4]),
            parameters: [recordedArray(2, [6]), recordedArray(3, [6])])
        try verify(
            GroupNorm(2), "groupNormImages", x: recordedArray(1, [2, 4, 2, 3]),
            parameters: [recordedArray(2, [4]), recordedArray(3, [4])])
    }

    @Test func batchNorm() throws {
        try verify(
            BatchNorm(), "batchNorm", x: recordedArray(1, [5, 3]),
            parameters: [recordedArray(2, [3]), recordedArray(3, [3])])
        try verify(
            BatchNorm(), "batchNormImages", x: recordedArray(1, [3, 4, 2, 3]),
            parameters: [recordedArray(2, [4]), recordedArray(3, [4])])
    }

    @Test func rmsNorm() throws {
        // Numbers so small that epsilon matters.
        try verify(
            RMSNorm(), "rmsNorm", x: recordedArray(1, [5, 7], scale: 1e-3),
            parameters: [recordedArray(2, [7])], gradients: ["x", "weight"])
    }
}
