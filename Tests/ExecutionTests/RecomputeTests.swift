import Diagnostics
import Execution
import Graphs
import NeuralNetworks
import Testing

/// Backward that computes blocks again gives the bits of backward that kept them, in less memory.
@Suite struct RecomputeTests {
    private func gpt(_ recompute: Recompute, dropout: Double) throws -> ModelTrace {
        let model = GPT(
            .init(vocabularySize: 40, context: 32, layers: 4, width: 32, heads: 2, dropout: dropout))
        return try ModelTrace(
            model, sampleCount: 4, input: .init("x", [32], .int32), label: .init("y", [32], .int32),
            loss: .softmaxCrossEntropy, isTraining: true, recompute: recompute)
    }

    private func bert(_ recompute: Recompute) throws -> ModelTrace {
        let model = BERTClassifier(
            .init(vocabularySize: 40, context: 24, layers: 3, width: 32, heads: 2, hidden: 48), classes: 3)
        return try ModelTrace(
            model, sampleCount: 3, input: .init("x", [24], .int32), label: .init("y", [], .int32),
            loss: .softmaxCrossEntropy, isTraining: true, recompute: recompute)
    }

    private func residual(_ recompute: Recompute) throws -> ModelTrace {
        try ModelTrace(
            try ResidualNetwork.cifar(depth: 14), sampleCount: 3, input: .init("x", [3, 16, 16]),
            label: .init("y", [], .int32), loss: .softmaxCrossEntropy, isTraining: true,
            recompute: recompute)
    }

    private func compare(_ kept: ModelTrace, _ again: ModelTrace, _ precision: Precision = .float32) throws {
        let first = try ProgramCheck(kept, idLimit: 3, precision: precision)
        let second = try ProgramCheck(again, idLimit: 3, precision: precision)
        try first.run()
        try second.run()
        #expect(first.program.lossSum == second.program.lossSum)
        #expect(first.gradients == second.gradients)
        #expect(first.gradients.contains { $0 != 0 })
        func bytes(_ trace: ModelTrace) throws -> Int {
            try Plan(trace, layout: ParameterLayout(trace), precision: precision).arenaByteCount
        }
        #expect(try bytes(again) < bytes(kept) * 3 / 4)
    }

    @Test(arguments: [0, 0.3]) func languageModel(dropout: Double) throws {
        try compare(gpt(.nothing, dropout: dropout), gpt(.everyBlock, dropout: dropout))
    }

    /// Against float64, so that both are not wrong alike.
    @Test func equalsReference() throws {
        try ProgramCheck(gpt(.everyBlock, dropout: 0.2), idLimit: 40).verify()
    }

    @Test func encoder() throws { try compare(bert(.nothing), bert(.everyBlock)) }

    @Test func residualNetwork() throws { try compare(residual(.nothing), residual(.everyBlock)) }

    @Test(.enabled(if: Precision.hasBFloat16)) func bfloat16() throws {
        try compare(gpt(.nothing, dropout: 0.1), gpt(.everyBlock, dropout: 0.1), .bfloat16)
    }

    /// Memory grows by what enters a block, not by what is inside.
    @Test func memoryOfManyBlocks() throws {
        func bytes(_ layers: Int, _ recompute: Recompute) throws -> Int {
            let model = GPT(.init(vocabularySize: 40, context: 64, layers: layers, width: 64, heads: 2))
            let trace = try ModelTrace(
                model, sampleCount: 2, input: .init("x", [64], .int32), label: .init("y", [64], .int32),
                loss: .softmaxCrossEntropy, isTraining: true, recompute: recompute)
            return try Plan(trace, layout: ParameterLayout(trace), keepsPredictions: false).arenaByteCount
        }
        let entering = 2 * 64 * 64 * 4
        let (few, many) = (try bytes(4, .everyBlock), try bytes(12, .everyBlock))
        #expect(many - few <= 8 * entering)
        #expect(try bytes(12, .nothing) - bytes(4, .nothing) > 8 * 8 * entering)
    }

    /// Scores of attention are never kept: twice the tokens take twice the memory.
    @Test(arguments: [true, false]) func memoryOfLongSequences(isCausal: Bool) throws {
        func bytes(_ tokens: Int) throws -> Int {
            var options = MultiHeadAttention.Options(heads: 4)
            options.isCausal = isCausal
            let trace = try ModelTrace(
                Sequential {
                    MultiHeadAttention(width: 64, options)
                    MeanPool(axis: 1)
                    Dense(2)
                }, sampleCount: 1, input: .init("x", [tokens, 64]), label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy, isTraining: true)
            return try Plan(trace, layout: ParameterLayout(trace), keepsPredictions: false).arenaByteCount
        }
        let (short, long) = (try bytes(1024), try bytes(4096))
        #expect(long < 4 * short + short / 10)
        // The scores of one head alone would take 64 MiB.
        #expect(long < 32 << 20)
    }

    @Test func aModelWithoutBlocks() {
        let error = #expect(throws: LockstepError.self) {
            try ModelTrace(
                Sequential { Dense(3) }, sampleCount: 2, input: .init("x", [4]),
                label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy, isTraining: true, recompute: .everyBlock)
        }
        #expect(error?.message.contains("no blocks") == true)
    }
}
