import Execution
import Graphs
import NeuralNetworks
import Testing

/// What a plan says about when gradients are complete.
@Suite struct CompletionTests {
    private func trace(_ model: any Layer, frozen: Set<Int> = []) throws -> ModelTrace {
        let full = try ModelTrace(
            model, sampleCount: 3, input: .init("x", [7], .int32), label: .init("y", [7], .int32),
            loss: .softmaxCrossEntropy, isTraining: true)
        let gradients = full.gradients.enumerated().map { frozen.contains($0.offset) ? nil : $0.element }
        return ModelTrace(
            graph: full.graph, fields: full.fields, predictions: full.predictions, loss: full.loss,
            gradients: gradients, lossTermCount: full.lossTermCount, termCount: full.termCount,
            sampleCount: full.sampleCount)
    }

    /// Every segment's gradient as it is when the plan says that it is complete, and at the end.
    private func check(_ trace: ModelTrace) throws -> (completions: [Int], last: Int) {
        let check = try ProgramCheck(trace, idLimit: 9)
        let ranges = check.layout.segments.map { $0.offset..<$0.end }
        let completions = check.plan.completions(of: ranges)
        var early: [[Float]] = []
        var order: [Int] = []
        try check.run(stoppingAfter: completions) { place, gradients in
            order.append(place)
            early.append(Array(gradients[ranges[place]]))
        }
        #expect(order == Array(ranges.indices))
        for (place, range) in ranges.enumerated() {
            #expect(early[place] == Array(check.gradients[range]), "\(check.layout.segments[place].name)")
        }
        // The same run without stops gives the same.
        let stopped = check.gradients
        try check.run()
        #expect(stopped == check.gradients && stopped.contains { $0 != 0 })
        return (completions, completions.last ?? 0)
    }

    private func gpt() -> GPT {
        GPT(GPT.Configuration(vocabularySize: 9, context: 9, layers: 2, width: 12, heads: 3))
    }

    @Test func gradientsAreCompleteWhenThePlanSaysSo() throws {
        let (completions, last) = try check(trace(gpt()))
        #expect(zip(completions, completions.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(completions[0] < last * 2 / 3, "the last layer's gradients are ready long before the first's")
    }

    /// Parameters without a gradient are zeroed before backward: they come first in the arena and delay nobody.
    @Test func unusedGradientsDelayNobody() throws {
        let (completions, last) = try check(trace(gpt(), frozen: [0, 3, 5]))
        #expect(completions[0] <= 3 && completions[4] < last * 2 / 3, "\(completions)")
    }
}
