import Execution
import Graphs
import NeuralNetworks
import Testing

/// Losses whose number of terms depends on the labels, through plan and program.
@Suite struct IgnoredLabelTests {
    /// Ids below three, of which 0 does not count, predicted for each token.
    private func check(ignored: Int?, smoothing: Double = 0, isTraining: Bool = true) throws -> ProgramCheck {
        let model = Sequential {
            Dense(8, activation: .silu); Dense(3)
        }
        let trace = try ModelTrace(
            model, sampleCount: 4, input: .init("x", [5, 6]), label: .init("y", [5], .int32),
            loss: .softmaxCrossEntropy,
            lossOptions: LossOptions(ignoredLabel: ignored, labelSmoothing: smoothing), isTraining: isTraining
        )
        return try ProgramCheck(trace, idLimit: 3)
    }

    @Test(arguments: [nil, 0, 2, -100] as [Int?], [0, 0.1]) func leadingAxes(ignored: Int?, smoothing: Double)
        throws
    {
        try check(ignored: ignored, smoothing: smoothing).verify()
    }

    @Test func theCountIsTheRunsOwn() throws {
        for isTraining in [true, false] {
            let check = try check(ignored: 1, isTraining: isTraining)
            try check.run()
            let labels = check.integers(field: 1)
            #expect(check.program.lossTermCount == labels.count { $0 != 1 })
            #expect((1..<20).contains(check.program.lossTermCount))
            for index in labels.indices { check.set(field: 1, index, to: Float(bitPattern: 1)) }
            try check.run()
            #expect(check.program.lossTermCount == 0 && check.program.lossSum == 0)
            #expect(check.gradients.allSatisfy { $0 == 0 })
            check.set(field: 1, 7, to: Float(bitPattern: 2))
            try check.run()
            #expect(check.program.lossTermCount == 1 && check.program.lossSum > 0)
        }
        let whole = try self.check(ignored: nil)
        #expect(whole.program.lossTermCount == 20)
        try whole.run()
        #expect(whole.program.lossTermCount == 20)
    }

    @Test func valueAndGradientStayOneStep() throws {
        let names = try check(ignored: 0, smoothing: 0.1).plan.plannedSteps.map(\.name)
        #expect(names.contains("softmax-cross-entropy+gradient") && names.contains("count-labels"))
        #expect(!names.contains("softmax-cross-entropy"))
        #expect(try !check(ignored: nil).plan.plannedSteps.map(\.name).contains("count-labels"))
    }
}
