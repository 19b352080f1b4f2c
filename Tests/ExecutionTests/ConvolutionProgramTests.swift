import Execution
import Foundation
import Graphs
import NeuralNetworks
import Testing

/// Programs with convolutions and poolings compute what the graph says, whatever layout oneDNN likes.
@Suite struct ConvolutionProgramTests {
    private func check(_ model: any Layer, image: Shape, samples: Int = 3, isTraining: Bool = true) throws
        -> ProgramCheck
    {
        let check = try ProgramCheck(
            ModelTrace(
                model, sampleCount: samples, input: .init("x", image), label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy, isTraining: isTraining), idLimit: 3)
        #expect(!check.plan.report.contains("oneDNN ref"), "\(check.plan.report)")
        return check
    }

    private func verify(
        _ image: Shape, location: SourceLocation = #_sourceLocation,
        @SequentialBuilder _ layers: () -> [any Layer]
    ) throws {
        let body = layers()
        for isTraining in [true, false] {
            let model = Sequential {
                body
                Flatten()
                Dense(3)
            }
            try check(model, image: image, isTraining: isTraining).verify(location: location)
        }
    }

    @Test func channelsThatFillBlocksAndThatDoNot() throws {
        try verify([3, 12, 10]) { Conv2d(16, kernel: 3, activation: .relu) }
        try verify([5, 9, 9]) {
            Conv2d(20, kernel: 3, activation: .relu)
            Conv2d(7, kernel: 3, activation: .gelu)
            Conv2d(33, kernel: 1, activation: .sigmoid)
        }
        try verify([32, 7, 8]) {
            Conv2d(32, kernel: 3, padding: .same, activation: .relu)
            Conv2d(16, kernel: 3, bias: false)
        }
    }

    /// oneDNN's workspace depends on how many threads the asking thread lets it have, which a new thread has many of.
    @Test func aPlanOfAnyThreadHasRoomForItsProgram() async throws {
        @Sendable func byteCount() throws -> Int {
            let model = Sequential {
                Conv2d(32, kernel: 1)
                Conv2d(64, kernel: 3)
                GlobalAveragePool()
                Dense(3)
            }
            let trace = try ModelTrace(
                model, sampleCount: 8, input: .init("x", [3, 63, 63]), label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy, isTraining: true)
            return try Plan(trace, layout: ParameterLayout(trace)).arenaByteCount
        }
        Program.useOneThread()
        let here = try byteCount()
        let elsewhere = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: try? byteCount()) }
        }
        #expect(elsewhere == here)
    }

    /// Large enough for Winograd's algorithm where oneDNN has it, in all three products; tiles that stick out.
    @Test func winograd() throws {
        let model = Sequential {
            Conv2d(32, kernel: 1)
            Conv2d(64, kernel: 3, padding: 1, activation: .relu)
            GlobalAveragePool()
            Dense(3)
        }
        let check = try check(model, image: [3, 13, 14], samples: 8)
        try check.verify()
        let implementations = check.plan.report.split(separator: "\n").filter { $0.contains("jit_wino") }
        #expect(implementations.isEmpty || implementations.count == 3, "\(check.plan.report)")
    }

    @Test func geometries() throws {
        try verify([3, 17, 17]) {
            Conv2d(16, kernel: 7, stride: 2, padding: 3, activation: .relu)
            Conv2d(16, kernel: 3, padding: .pixels(Extents(2, 1)), dilation: Extents(2, 1))
        }
        try verify([8, 9, 11]) { Conv2d(12, kernel: Extents(1, 5), stride: Extents(3, 2), groups: 4) }
        try verify([32, 8, 8]) { Conv2d(32, kernel: 3, padding: 1, groups: 2, activation: .tanh) }
    }

    @Test func depthwise() throws {
        try verify([32, 9, 9]) {
            Conv2d(32, kernel: 3, padding: .same, groups: 32, activation: .relu)
            Conv2d(48, kernel: 1, activation: .relu)
            Conv2d(48, kernel: 3, stride: 2, groups: 48)
        }
    }

    @Test func transposed() throws {
        try verify([16, 4, 5]) {
            ConvTranspose2d(16, kernel: 3, stride: 2, padding: 1, outputPadding: 1, activation: .relu)
            ConvTranspose2d(5, kernel: 2, dilation: 2, bias: false)
        }
        try verify([12, 4, 4]) { ConvTranspose2d(8, kernel: Extents(2, 3), stride: 3, groups: 4) }
        try verify([4, 6]) {
            ConvTranspose1d(6, kernel: 4, stride: 2, padding: 1, activation: .relu)
            Conv1d(5, kernel: 3, padding: .same, dilation: 2)
        }
    }

    @Test func poolings() throws {
        for pool in [
            MaxPool2d(2), MaxPool2d(3, stride: 2, padding: 1), AvgPool2d(2),
            AvgPool2d(3, stride: 2, padding: 1), AvgPool2d(3, stride: 1, padding: 1, countsPadding: false),
            GlobalAveragePool(), GlobalMaxPool(), MaxPool2d(Extents(7, 9)),
        ] as [any Layer] {
            for channels in [16, 5] {
                try verify([3, 9, 11]) {
                    Conv2d(channels, kernel: 3, activation: .tanh)
                    pool
                }
            }
        }
    }

    @Test func poolingOfPlainImagesAndSequences() throws {
        try verify([3, 6, 7]) {
            MaxPool2d(2); AvgPool2d(Extents(1, 2))
        }
        try verify([3, 20]) {
            Conv1d(4, kernel: 5); MaxPool1d(3, stride: 2); AvgPool1d(2, padding: 1)
        }
        try verify([2, 300]) {
            Conv1d(16, kernel: 3, activation: .relu); GlobalMaxPool()
        }
    }

    /// Two paths that meet: the sum is computed on blocked channels.
    @Test func residualPaths() throws {
        final class Residual: Layer {
            let first = Conv2d(16, kernel: 3, padding: .same, activation: .relu)
            let second = Conv2d(16, kernel: 3, padding: .same)
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let one = try first(input)
                return try (second(one) + one.scaled(by: 0.5)).activated(.relu)
            }
        }
        try verify([3, 8, 8]) {
            Residual(); GlobalAveragePool()
        }
    }

    @Test func aConvolutionalClassifier() throws {
        let model = ConvolutionalClassifier(convolutions: [16, 20], hidden: [9], classes: 3)
        let check = try check(model, image: [3, 18, 15])
        try check.verify()
    }

    @Test(arguments: [0, 0.4]) func textCNN(dropout: Double) throws {
        let model = TextCNN(
            vocabularySize: 20, width: 12, channels: 10, lengths: [2, 3, 5], outputs: 3, dropout: dropout)
        let trace = try ModelTrace(
            model, sampleCount: 4, input: .init("x", [9], .int32), label: .init("y", [], .int32),
            loss: .softmaxCrossEntropy, isTraining: true)
        #expect(
            trace.graph.parameters.map(\.name).prefix(3) == [
                "embedding.weight", "convolutions.0.weight", "convolutions.0.bias",
            ])
        try ProgramCheck(trace, idLimit: 3).verify()
    }

    /// A blocked image that is read row-major, and one that is an output.
    @Test func outputsArePlain() throws {
        let trace = try ModelTrace(
            Conv2d(20, kernel: 3), sampleCount: 2, input: .init("x", [16, 6, 6]), isTraining: false)
        try ProgramCheck(trace).verify()
    }
}
