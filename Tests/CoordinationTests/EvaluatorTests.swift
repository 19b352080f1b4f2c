import Coordination
import DataPipeline
import Diagnostics
import Execution
import Foundation
import Graphs
import Metrics
import NeuralNetworks
import Testing

/// An evaluation has the same bits however its batches are shared out, and counts each sample once.
@Suite struct EvaluatorTests {
    /// Numbers by formula; 103 samples, so that the last batch of 16 is smaller.
    private struct Samples: Dataset {
        var count = 103
        var brokenSample = -1
        let fields = [
            FieldSpec(name: "x", sampleShape: [6], element: .float32),
            FieldSpec(name: "y", sampleShape: [], element: .int32),
        ]
        let isResident = false

        func features(_ index: Int) -> [Float] { (0..<6).map { Float((index * 31 + $0 * 17) % 41) / 20 - 1 } }
        func label(_ index: Int) -> Int32 { Int32(index * 7 % 3) }

        func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
            if index == brokenSample { throw LockstepError(.badData, "sample \(index) is broken") }
            if field == 0 {
                features(index).withUnsafeBytes {
                    destination.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
                }
            } else {
                destination.storeBytes(of: label(index), as: Int32.self)
            }
        }

        func describe(sample index: Int) -> String { "sample \(index)" }
    }

    /// A model with initial weights in an arena.
    private final class Model {
        let layout: ParameterLayout
        let arena: UnsafeMutablePointer<Float>

        init() throws {
            layout = ParameterLayout(try Self.trace(1))
            let byteCount = layout.elementCount * MemoryLayout<Float>.size
            let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            arena = memory.bindMemory(to: Float.self, capacity: layout.elementCount)
            layout.initialize(arena, seed: 11)
        }

        deinit { arena.deallocate() }

        static func trace(_ sampleCount: Int) throws -> ModelTrace { try trace(sampleCount, ignored: nil) }

        static func trace(_ sampleCount: Int, ignored: Int?) throws -> ModelTrace {
            let model = Sequential {
                Dense(5, activation: .tanh)
                Dense(3)
            }
            return try ModelTrace(
                model, sampleCount: sampleCount, input: .init("x", [6]), label: .init("y", [], .int32),
                loss: .softmaxCrossEntropy, lossOptions: LossOptions(ignoredLabel: ignored), isTraining: false
            )
        }

        func evaluator(_ samples: Samples, threads: Int) -> Evaluator {
            Evaluator(dataset: samples, batchSize: 16, layout: layout, threads: threads, trace: Self.trace)
        }

        func values(_ name: String) throws -> [Double] {
            let segment = try #require(layout.segments.first { $0.name == name })
            return (0..<segment.shape.elementCount).map { Double(arena[segment.offset + $0]) }
        }
    }

    private func result(_ parts: [EvaluationPart], _ evaluator: Evaluator) throws -> EvaluationResult {
        try EvaluationResult(
            task: .classification, classCount: 3, parts: parts, batchCount: evaluator.batchCount)
    }

    @Test func anySharingGivesTheSameBits() throws {
        let model = try Model()
        let alone = model.evaluator(Samples(), threads: 1)
        #expect(alone.batchCount == 7)
        let whole = try alone.parts(model.arena)
        #expect(whole.map(\.batch) == Array(0..<7) && whole.map(\.count) == [16, 16, 16, 16, 16, 16, 7])
        let expected = try result(whole, alone)
        for threads in [1, 2, 5, 64] {
            let evaluator = model.evaluator(Samples(), threads: threads)
            for ranks in 1...9 {
                var parts: [EvaluationPart] = []
                for rank in (0..<ranks).reversed() {
                    let own = try evaluator.parts(model.arena, part: rank, of: ranks)
                    parts += try EvaluationPart.decode(EvaluationPart.encode(own))
                }
                #expect(parts.sorted { $0.batch < $1.batch } == whole, "\(ranks) ranks, \(threads) threads")
                #expect(try result(parts, evaluator) == expected)
            }
        }
    }

    /// Samples whose label does not count are in no metric and not in the mean loss.
    @Test func ignoredLabelsCountNowhere() throws {
        let (model, samples) = (try Model(), Samples())
        let all = Evaluator(
            dataset: samples, batchSize: 1, layout: model.layout, threads: 2, trace: Model.trace)
        let some = Evaluator(dataset: samples, batchSize: 16, layout: model.layout, threads: 2) {
            try Model.trace($0, ignored: 1)
        }
        let counted = try all.parts(model.arena).filter { $0.truth != .labels([1]) }
        let parts = try some.parts(model.arena)
        #expect(parts.reduce(0) { $0 + $1.count } == counted.count && counted.count < samples.count)
        let result = try result(parts, some)
        #expect(result.count == counted.count)
        let expected = counted.reduce(0) { $0 + $1.lossSum } / Double(counted.count)
        #expect(abs(result.loss - expected) < 1e-5)
        #expect(result.confusion?.counts[3..<6].allSatisfy { $0 == 0 } == true)
    }

    /// Against float64 arithmetic of our own, sample by sample.
    @Test func numbersAreRight() throws {
        let model = try Model()
        let samples = Samples()
        let (w0, b0) = (try model.values("0.weight"), try model.values("0.bias"))
        let (w1, b1) = (try model.values("1.weight"), try model.values("1.bias"))
        var loss = 0.0
        var right = 0
        for index in 0..<samples.count {
            let x = samples.features(index).map(Double.init)
            let hidden = dense(x, w0, b0).map { tanh($0) }
            let logits = dense(hidden, w1, b1)
            let label = Int(samples.label(index))
            let total: Double = logits.reduce(0) { $0 + exp($1) }
            loss += log(total) - logits[label]
            if logits.firstIndex(of: logits.max() ?? 0) == label { right += 1 }
        }
        let evaluator = model.evaluator(samples, threads: 2)
        let found = try result(try evaluator.parts(model.arena), evaluator)
        #expect(found.count == 103)
        #expect(abs(found.loss - loss / 103) < 1e-5)
        #expect(found.accuracy == Double(right) / 103)
    }

    /// x · weights + bias, weights row-major `[inputs, outputs]`.
    private func dense(_ x: [Double], _ weights: [Double], _ bias: [Double]) -> [Double] {
        var sums = bias
        for (input, value) in x.enumerated() {
            for output in sums.indices { sums[output] += value * weights[input * bias.count + output] }
        }
        return sums
    }

    /// The arena is read anew each time.
    @Test func newParametersGiveNewNumbers() throws {
        let model = try Model()
        let evaluator = model.evaluator(Samples(), threads: 2)
        let before = try evaluator.parts(model.arena)
        model.layout.initialize(model.arena, seed: 12)
        let after = try evaluator.parts(model.arena)
        #expect(zip(before, after).allSatisfy { $0.scores != $1.scores })
        model.layout.initialize(model.arena, seed: 11)
        #expect(try evaluator.parts(model.arena) == before)
    }

    @Test func aMissingOrRepeatedPartIsRefused() throws {
        let model = try Model()
        let evaluator = model.evaluator(Samples(), threads: 1)
        let parts = try evaluator.parts(model.arena)
        #expect(throws: LockstepError.self) { try result(Array(parts.dropLast()), evaluator) }
        #expect(throws: LockstepError.self) { try result(parts + [parts[0]], evaluator) }
    }

    @Test(arguments: [1, 3])
    func aBrokenSampleIsAnErrorOnce(_ threads: Int) throws {
        let model = try Model()
        let broken = model.evaluator(Samples(brokenSample: 50), threads: threads)
        let failure = #expect(throws: LockstepError.self) { try broken.parts(model.arena) }
        #expect(failure?.code == .badData)
        // Sample 50 is in batch 3: the shares without it still work.
        #expect(try broken.parts(model.arena, part: 0, of: 2).map(\.batch) == [0, 2, 4, 6])
    }

    @Test func cutBytesAreRefused() throws {
        let model = try Model()
        let bytes = EvaluationPart.encode(try model.evaluator(Samples(), threads: 1).parts(model.arena))
        for length in [bytes.count - 1, bytes.count / 2, 9, 7, 1] {
            #expect(throws: LockstepError.self) { try EvaluationPart.decode(Array(bytes.prefix(length))) }
        }
        #expect(throws: LockstepError.self) {
            try EvaluationPart.decode([UInt8](repeating: 0xff, count: 8) + bytes)
        }
        #expect(try EvaluationPart.decode([]).isEmpty)
    }

    /// More ranks than batches: some have nothing to do.
    @Test func fewerBatchesThanRanks() throws {
        let model = try Model()
        let evaluator = model.evaluator(Samples(count: 5), threads: 4)
        #expect(evaluator.batchCount == 1)
        #expect(try evaluator.parts(model.arena, part: 1, of: 3).isEmpty)
        #expect(try evaluator.parts(model.arena, part: 0, of: 3).map(\.count) == [5])
    }
}
