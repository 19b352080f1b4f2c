import Diagnostics
import Graphs
import NeuralNetworks
import Testing

/// Wrong convolutional models as people write them: each error names the layer, both shapes and what to change.
@Suite struct ConvolutionErrorTests {
    private func refuse(
        _ layers: [any Layer], _ image: Shape = [3, 8, 8], element: ElementType = .float32,
        mentions: [String], location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: LockstepError.self, sourceLocation: location) {
            try ModelTrace(
                Sequential(layers), sampleCount: 4, input: .init("x", image, element), isTraining: false)
        }
        guard let error else { return }
        #expect(error.code == .usage, sourceLocation: location)
        #expect(!(error.remedy ?? "").isEmpty, "\(error)", sourceLocation: location)
        for text in mentions { #expect(error.message.contains(text), "\(error)", sourceLocation: location) }
    }

    @Test func kernelsLargerThanTheImage() {
        refuse([Conv2d(4, kernel: 9)], mentions: ["'0'", "9×9", "[4, 3, 8, 8]"])
        refuse(
            [Conv2d(4, kernel: 3, dilation: 4)], mentions: ["'0'", "3×3", "dilated 9×9", "[4, 3, 8, 8]"])
        refuse([Conv1d(4, kernel: 6)], [3, 5], mentions: ["'0'", "1×6", "[4, 3, 1, 5]"])
        refuse([Conv2d(4, kernel: 3), MaxPool2d(7)], mentions: ["'1'", "7×7", "[4, 4, 6, 6]"])
        refuse(
            [ConvolutionalClassifier(convolutions: [4, 4, 4], hidden: [], classes: 2)],
            mentions: ["2×2", "[4, 4, 1, 1]"])
    }

    @Test func groupsThatDoNotDivide() {
        refuse([Conv2d(4, kernel: 3, groups: 2)], mentions: ["'0'", "2 groups", "3 input", "4 output"])
        refuse([Conv2d(4, kernel: 3, groups: 3)], mentions: ["'0'", "3 groups", "3 input", "4 output"])
        refuse([Conv2d(4, kernel: 3, groups: 0)], mentions: ["'0'", "0 groups"])
        refuse([ConvTranspose2d(4, kernel: 3, groups: 2)], mentions: ["'0'", "2 groups"])
        refuse([Conv2d(0, kernel: 3)], mentions: ["'0'", "0 output"])
    }

    @Test func inputsOfAnotherRankOrElement() {
        refuse(
            [Conv2d(4, kernel: 3)], [8, 8],
            mentions: ["'0'", "[4, 8, 8]", "[batch, channels, height, width]"])
        refuse([Conv1d(4, kernel: 3)], mentions: ["'0'", "[4, 3, 8, 8]", "[batch, channels, length]"])
        refuse([ConvTranspose1d(4, kernel: 3)], mentions: ["'0'", "[4, 3, 8, 8]"])
        refuse([ConvTranspose2d(4, kernel: 3)], [3], mentions: ["'0'", "[4, 3]"])
        refuse([Conv2d(4, kernel: 3)], element: .int32, mentions: ["'0'", "int32 [4, 3, 8, 8]"])
        refuse([MaxPool2d(2)], [8, 8], mentions: ["'0'", "[4, 8, 8]"])
        refuse([AvgPool1d(2)], mentions: ["'0'", "[4, 3, 8, 8]"])
        refuse([GlobalAveragePool()], [3], mentions: ["'0'", "[4, 3]"])
        refuse([MaxPool2d(2)], element: .int32, mentions: ["'0'", "int32 [4, 3, 8, 8]"])
    }

    @Test(arguments: [0, -1, .max]) func extentsThatMeanNothing(extent: Int) {
        let both = Extents(extent, extent)
        refuse([Conv2d(4, kernel: both)], mentions: ["'0'"])
        if extent <= 0 {
            refuse([Conv2d(4, kernel: 3, stride: both)], mentions: ["'0'", "stride \(both)"])
            refuse([Conv2d(4, kernel: 3, dilation: both)], mentions: ["'0'", "dilation \(both)"])
            refuse([MaxPool2d(both)], mentions: ["'0'", "window of \(both)"])
            refuse([MaxPool2d(2, stride: both)], mentions: ["'0'", "stride \(both)"])
        } else {
            refuse([Conv2d(4, kernel: 3, dilation: both)], mentions: ["'0'", "\(extent)"])
            refuse([Conv2d(4, kernel: 3, padding: .pixels(both))], mentions: ["'0'", "\(extent)"])
            refuse([MaxPool2d(both)], mentions: ["'0'", "\(extent)"])
        }
    }

    @Test func paddings() {
        refuse([Conv2d(4, kernel: 2, padding: .same)], mentions: ["'0'", "2×2"])
        refuse([Conv2d(4, kernel: 3, padding: -1)], mentions: ["'0'", "padding -1×-1"])
        refuse([MaxPool2d(2, padding: 2)], mentions: ["'0'", "padding 2×2"])
        refuse([ConvTranspose2d(4, kernel: 3, padding: 9)], mentions: ["'0'", "9×9"])
        refuse(
            [ConvTranspose2d(4, kernel: 3, stride: 2, outputPadding: 2)], mentions: ["'0'", "2×2", "stride"])
    }

    @Test func texts() {
        let network = TextCNN(vocabularySize: 9, width: 4, outputs: 2)
        refuse([network], [4], element: .int32, mentions: ["'0.convolutions.2'", "1×5", "[4, 4, 1, 4]"])
        refuse([network], [3, 8], element: .int32, mentions: ["'0'", "[4, 3, 8]"])
        refuse(
            [TextCNN(vocabularySize: 9, width: 4, lengths: [], outputs: 2)], [8], element: .int32,
            mentions: ["'0'", "TextCNN"])
    }

    @Test func namesAndInitialValues() throws {
        let model = ConvolutionalClassifier(convolutions: [32, 8], hidden: [7], classes: 3, dropout: 0.5)
        let trace = try ModelTrace(
            model, sampleCount: 2, input: .init("x", [3, 16, 16]), isTraining: false)
        #expect(
            trace.graph.parameters.map(\.name) == [
                "features.0.weight", "features.0.bias", "features.2.weight", "features.2.bias",
                "classifier.layers.0.weight", "classifier.layers.0.bias", "classifier.layers.2.weight",
                "classifier.layers.2.bias",
            ])
        #expect(trace.predictions.shape == [2, 3])
        // He: deviation √(2 / (32 channels · 9 taps)).
        var values = [Float](repeating: 0, count: 8 * 32 * 9)
        values.withUnsafeMutableBufferPointer {
            trace.graph.parameters[2].initializer.fill(
                $0, shape: [8, 32, 3, 3], stream: RandomStream(seed: 1, purpose: 1))
        }
        let deviation = (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
        #expect(abs(deviation - (2.0 / 288 as Float).squareRoot()) < 0.004)
    }
}
