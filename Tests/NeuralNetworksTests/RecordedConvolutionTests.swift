import Graphs
import NeuralNetworks
import Testing

/// Convolutions and poolings against outputs and gradients recorded from PyTorch in float64
/// (Recording/record_convolutions.py).
@Suite struct RecordedConvolutionTests {
    private final class Owner {}

    /// Traces layers whose input is a parameter, so that it gets a gradient too, and compares.
    private func verify(
        _ name: String, _ x: ReferenceArray, _ shapes: [Shape], _ layer: any Layer,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let recorded = try #require(try RecordedLayers.load("convolutions.json")[name])
        let graph = Graph()
        let leaf = try graph.parameter("leaf", of: Owner(), shape: x.shape, initializer: Zeros())
        let output = try layer(leaf)
        #expect(graph.parameters.dropFirst().map(\.shape) == shapes, "\(name)", sourceLocation: location)
        let weights = graph.input("weights", TensorType(output.shape))
        let gradients = try graph.gradients(of: (output * weights).sum()).map { try #require($0) }
        let results = graph.evaluate(
            [output] + gradients, inputs: ["weights": recordedArray(9, output.shape)],
            parameters: [x] + shapes.enumerated().map { recordedArray($0.offset + 2, $0.element) })
        let names = shapes.isEmpty ? ["x"] : ["x", "weight", "bias"]
        #expect(Set(recorded.gradients.keys) == Set(names), sourceLocation: location)
        compare(results[0].values, recorded.output, "\(name) output", location)
        for (index, gradient) in names.enumerated() {
            let theirs = recorded.gradients[gradient] ?? []
            compare(results[index + 1].values, theirs, "\(name): \(gradient)", location)
        }
    }

    private func compare(
        _ ours: [Double], _ theirs: [Double], _ what: String, _ location: SourceLocation
    ) {
        #expect(ours.count == theirs.count, "\(what)", sourceLocation: location)
        let worst = zip(ours, theirs).reduce(0) { max($0, abs($1.0 - $1.1) / max(1, abs($1.1))) }
        #expect(worst < 1e-8, "\(what): off by \(worst)", sourceLocation: location)
    }

    @Test func convolutions() throws {
        try verify("conv3x3", recordedArray(1, [2, 3, 6, 5]), [[4, 3, 3, 3], [4]], Conv2d(4, kernel: 3))
        try verify("conv1x1", recordedArray(1, [2, 5, 3, 4]), [[7, 5, 1, 1], [7]], Conv2d(7, kernel: 1))
        try verify(
            "convStem", recordedArray(1, [1, 3, 11, 13]), [[2, 3, 7, 7], [2]],
            Conv2d(2, kernel: 7, stride: 2, padding: .same))
        try verify(
            "convDilated", recordedArray(1, [1, 2, 9, 8]), [[3, 2, 3, 2], [3]],
            Conv2d(
                3, kernel: Extents(3, 2), stride: Extents(2, 1), padding: .pixels(Extents(1, 2)),
                dilation: Extents(2, 3)))
        try verify(
            "convGroups", recordedArray(1, [1, 6, 5, 5]), [[4, 3, 3, 3], [4]],
            Conv2d(4, kernel: 3, padding: 1, groups: 2))
        try verify(
            "convDepthwise", recordedArray(1, [1, 4, 6, 7]), [[4, 1, 3, 3], [4]],
            Conv2d(4, kernel: 3, stride: 2, groups: 4))
        try verify(
            "conv1d", recordedArray(1, [2, 3, 11]), [[4, 3, 3], [4]],
            Conv1d(4, kernel: 3, stride: 2, padding: 2, dilation: 2))
    }

    @Test func transposedConvolutions() throws {
        try verify(
            "transposed", recordedArray(1, [2, 3, 4, 3]), [[3, 2, 3, 3], [2]],
            ConvTranspose2d(2, kernel: 3, stride: 2, padding: 1, outputPadding: 1))
        try verify(
            "transposedDilated", recordedArray(1, [1, 2, 3, 4]), [[2, 3, 2, 3], [3]],
            ConvTranspose2d(3, kernel: Extents(2, 3), dilation: Extents(2, 1)))
        try verify(
            "transposedGroups", recordedArray(1, [1, 4, 3, 3]), [[4, 1, 3, 2], [2]],
            ConvTranspose2d(
                2, kernel: Extents(3, 2), stride: Extents(3, 2), outputPadding: Extents(2, 0), groups: 2))
        try verify(
            "transposed1d", recordedArray(1, [2, 3, 5]), [[3, 2, 4], [2]],
            ConvTranspose1d(2, kernel: 4, stride: 3, padding: 1, outputPadding: 2))
    }

    @Test func poolings() throws {
        let window = (kernel: Extents(3, 2), stride: Extents(2, 1), padding: Extents(1, 1))
        for (name, layer) in [
            ("maxPool", MaxPool2d(2)), ("maxPoolOverlapping", MaxPool2d(3, stride: 2, padding: 1)),
            ("maxPoolOblong", MaxPool2d(Extents(1, 3), stride: Extents(2, 1), padding: Extents(0, 1))),
            ("averagePool", AvgPool2d(window.kernel, stride: window.stride, padding: window.padding)),
            (
                "averagePoolInside",
                AvgPool2d(
                    window.kernel, stride: window.stride, padding: window.padding, countsPadding: false)
            ), ("globalAverage", GlobalAveragePool()), ("globalMax", GlobalMaxPool()),
        ] as [(String, any Layer)] { try verify(name, recordedArray(1, [2, 3, 7, 6]), [], layer) }
        try verify("maxPool1d", recordedArray(1, [2, 3, 9]), [], MaxPool1d(3, stride: 2, padding: 1))
        try verify("averagePool1d", recordedArray(1, [2, 3, 9]), [], AvgPool1d(2, stride: 3, padding: 1))
    }

    @Test func equalPixels() throws {
        struct ReLUPool: Layer {
            func callAsFunction(_ input: Tensor) throws -> Tensor { try MaxPool2d(2)(input.activated(.relu)) }
        }
        let x = recordedArray(1, [1, 2, 6, 6], scale: 1.5).map { $0.rounded(.toNearestOrEven) }
        try verify("maxPoolTies", x, [], MaxPool2d(3, stride: 1))
        try verify("reluMaxPoolTies", x, [], ReLUPool())
    }
}
