import Execution
import Graphs
import NeuralNetworks
import Testing

/// What the layout pass and the fusions around convolutions plan, and numbers that only they could get wrong.
@Suite struct LayoutTests {
    private func check(
        _ model: any Layer, _ image: Shape, isTraining: Bool = true, precision: Precision = .float32
    )
        throws -> ProgramCheck
    {
        try ProgramCheck(
            ModelTrace(
                model, sampleCount: 3, input: .init("x", image), label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy, isTraining: isTraining), idLimit: 3, precision: precision)
    }

    private var classifier: ConvolutionalClassifier {
        ConvolutionalClassifier(convolutions: [16, 32], hidden: [5], classes: 3)
    }

    /// Images are moved twice: to the dense layer and back from it; ReLU vanishes into the pooling, both ways.
    @Test(.enabled(if: LibraryInstructions.keepsImagesBlocked))
    func aClassifierMovesImagesOnlyAroundTheDenseLayers() throws {
        let plan = try check(classifier, [3, 18, 18]).plan
        let names = plan.plannedSteps.map(\.name)
        #expect(names.count { $0 == "reorder" } <= 2)
        #expect(
            plan.report.components(separatedBy: "\n  reorder").count - 1 == names.count { $0 == "reorder" })
        #expect(names.count { $0 == "relu+max-pool" } == 2 && names.count { $0 == "max-pool-gradient" } == 2)
        #expect(!names.contains("relu") && !names.contains("relu-gradient"))
        let forward = try check(classifier, [3, 18, 18], isTraining: false).plan.plannedSteps.map(\.name)
        #expect(forward.count { $0 == "relu+max-pool" } == 2)
    }

    /// ReLU's result is read by something else too: then it must be there.
    @Test func reluThatIsReadElsewhereStays() throws {
        final class Twice: Layer {
            let convolution = Conv2d(16, kernel: 3, activation: .relu)
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let image = try convolution(input)
                return try MaxPool2d(2)(image) + AvgPool2d(2)(image)
            }
        }
        let check = try check(
            Sequential {
                Twice(); Flatten(); Dense(3)
            }, [3, 8, 8])
        #expect(check.plan.plannedSteps.contains { $0.name == "relu" })
        try check.verify()
    }

    /// Operations that know row-major order alone between convolutions; a blocked image seen under another shape.
    @Test func operationsThatNeedPlainImages() throws {
        final class Mixed: Layer {
            let first = Conv2d(20, kernel: 3, activation: .sigmoid)
            let second = Conv2d(12, kernel: 3)
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                let dropped = try first(input).droppingOut(rate: 0.25)
                let seen = try dropped.reshaped(to: [input.shape[0], 10, 12, 6])
                return try second(seen).reshaped(to: [input.shape[0], 480])
            }
        }
        try check(
            Sequential {
                Mixed(); Dense(3)
            }, [5, 8, 8]
        ).verify()
    }

    @Test(.enabled(if: Precision.hasBFloat16)) func bfloat16() throws {
        let check = try check(
            Sequential {
                Conv2d(16, kernel: 3, activation: .relu)
                MaxPool2d(2)
                Conv2d(20, kernel: 3, padding: .same, activation: .tanh)
                AvgPool2d(2)
                ConvTranspose2d(16, kernel: 3, activation: .gelu)
                GlobalAveragePool()
                Dense(3)
            }, [3, 18, 18], precision: .bfloat16)
        try check.verify(tolerance: 0.04)
        #expect(check.plan.report.contains("bfloat16 ["), "\(check.plan.report)")
        #expect(!check.plan.report.contains("oneDNN ref"), "\(check.plan.report)")
    }

    @Test func nanReachesTheLoss() throws {
        let check = try check(classifier, [3, 18, 18])
        check.set(field: 0, 700, to: .nan)
        try check.run()
        #expect(check.program.lossSum.isNaN)
    }

    /// The sum over samples does not depend on what the arena held before, and a run gives the same bits again.
    @Test func runsGiveTheSameBits() throws {
        let check = try check(classifier, [3, 18, 18])
        try check.run()
        let first = check.layout.segments.map { check.gradient($0).map(\.bitPattern) }
        check.spoilGradients()
        try check.run(3)
        #expect(check.layout.segments.map { check.gradient($0).map(\.bitPattern) } == first)
    }
}
