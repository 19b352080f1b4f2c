import DataPipeline
import Diagnostics
import Execution
import Foundation
import Graphs
import Metrics

/// Runs a model over a data set without training. Batches are numbered independently of ranks and lanes, each sample
/// counts once, and results merge in the order of the batches: the same bits whoever computed what.
public final class Evaluator: @unchecked Sendable {
    private let trace: @Sendable (Int) throws -> ModelTrace
    private let traceOfLength: (@Sendable (Int, Int) throws -> ModelTrace)?
    private let layout: ParameterLayout
    private let dataset: any Dataset
    private let batches: EvaluationBatches
    private let workers: [Worker]

    /// What programs differ in.
    private struct Size: Hashable {
        var sampleCount: Int
        var length: Int?
    }

    /// A program, and the label that does not count in it.
    private typealias Prepared = (program: Program, ignoredLabel: Int?)

    /// What one thread owns.
    private final class Worker: @unchecked Sendable {
        var programs: [Size: Prepared] = [:]
        /// Programs run one after the other: their activations share memory.
        let activations = ActivationArena()
        let batch: MicroBatch
        var parts: [EvaluationPart] = []
        var error: (any Error)?

        init(_ batch: MicroBatch) { self.batch = batch }
    }

    /// Prepares an evaluation.
    /// - Parameters:
    ///   - threads: how many batches are computed at once.
    ///   - buckets: the samples by their lengths, for batches of samples of like length.
    ///   - traceOfLength: with buckets, the same as `trace` for sequences of a length.
    ///   - trace: the inference trace for a number of samples, with the loss.
    public init(
        dataset: any Dataset, batchSize: Int, layout: ParameterLayout, threads: Int,
        buckets: LengthBuckets? = nil, traceOfLength: (@Sendable (Int, Int) throws -> ModelTrace)? = nil,
        trace: @escaping @Sendable (Int) throws -> ModelTrace
    ) {
        self.trace = trace
        self.traceOfLength = traceOfLength
        self.layout = layout
        self.dataset = dataset
        batches = EvaluationBatches(
            dataset.count, batchSize: batchSize, buckets: traceOfLength == nil ? nil : buckets)
        let capacity = min(batchSize, max(dataset.count, 1))
        workers = (0..<max(1, min(threads, batches.count))).map { _ in
            Worker(MicroBatch(specs: dataset.fields, capacity: capacity))
        }
    }

    /// How many batches there are.
    public var batchCount: Int { batches.count }

    /// The sample at each position of the parts, one after the other; nil where positions are samples.
    public var order: [Int]? { batches.order }

    /// Evaluates every `count`-th batch from number `part` on: the share of one rank of `count`.
    /// - Parameter parameters: an arena of the layout; it must not change meanwhile.
    public func parts(_ parameters: UnsafePointer<Float>, part: Int = 0, of count: Int = 1) throws
        -> [EvaluationPart]
    {
        let own = Array(stride(from: part, to: batches.count, by: count))
        let arena = Arena(pointer: parameters)
        DispatchQueue.concurrentPerform(iterations: workers.count) { [workers] index in
            let worker = workers[index]
            worker.parts = []
            worker.error = nil
            do {
                for place in stride(from: index, to: own.count, by: workers.count) {
                    worker.parts.append(try evaluate(own[place], arena.pointer, worker))
                }
            } catch {
                worker.error = error
            }
        }
        if let error = workers.lazy.compactMap(\.error).first { throw error }
        return workers.flatMap(\.parts).sorted { $0.batch < $1.batch }
    }

    private struct Arena: @unchecked Sendable { let pointer: UnsafePointer<Float> }

    private func evaluate(
        _ number: Int, _ parameters: UnsafePointer<Float>, _ worker: Worker
    ) throws -> EvaluationPart {
        let batch = worker.batch
        try batches.gather(number, of: dataset, into: batch)
        let (program, ignoredLabel) = try program(
            Size(sampleCount: batch.count, length: batches.length(ofBatch: number)?.kept), worker)
        batch.fields.withUnsafeBufferPointer { fields in
            guard let fields = fields.baseAddress else { return }
            program.bind(
                parameters: parameters, gradients: nil, fields: fields, seed: 0, step: 0, firstSample: 0)
        }
        try program.run()
        let label = batch.specs.count - 1
        let lossSum = Double(program.lossSum)
        if !batch.specs[label].sampleShape.isEmpty, batch.specs[label].element == .int32 {
            return .ofTokens(
                batch: number, lossSum: lossSum, scores: program.predictions,
                labels: batch.integers(ofField: label),
                ignoredLabel: ignoredLabel)
        }
        let scores = Array(program.predictions)
        if batch.specs[label].element == .int32 {
            return EvaluationPart(
                batch: number, lossSum: lossSum, scores: scores,
                labels: Array(batch.integers(ofField: label))
            ).leavingOut(ignoredLabel)
        }
        return EvaluationPart(
            batch: number, lossSum: lossSum, scores: scores,
            targets: Array(batch.floats(ofField: label).prefix(batch.count)))
    }

    private func program(_ size: Size, _ worker: Worker) throws -> Prepared {
        Program.useOneThread()
        if let known = worker.programs[size] { return known }
        let trace =
            if let length = size.length, let traceOfLength {
                try traceOfLength(size.sampleCount, length)
            } else {
                try trace(size.sampleCount)
            }
        let program = try Program(try Plan(trace, layout: layout), arena: worker.activations)
        worker.programs[size] = (program, trace.ignoredLabel)
        return (program, trace.ignoredLabel)
    }
}

extension EvaluationPart {
    /// The part of texts, with a label for each token: its scores are counted here and not kept.
    fileprivate static func ofTokens(
        batch: Int, lossSum: Double, scores: UnsafeBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>,
        ignoredLabel: Int?
    ) -> EvaluationPart {
        let width = scores.count / max(1, labels.count)
        var (count, right) = (0, 0)
        for (row, label) in labels.enumerated() where Int(label) != ignoredLabel {
            count += 1
            guard (0..<width).contains(Int(label)) else { continue }
            let own = scores[row * width + Int(label)]
            var isGreatest = own.isFinite
            // Of equal ones the first counts, as in an argmax.
            for place in 0..<width where isGreatest && place != Int(label) {
                let other = scores[row * width + place]
                isGreatest = place < Int(label) ? other < own : other <= own
            }
            right += isGreatest ? 1 : 0
        }
        return EvaluationPart(batch: batch, lossSum: lossSum, tokenCount: count, rightCount: right)
    }

    /// The part without the rows of a label that does not count: metrics then see what the loss sees.
    func leavingOut(_ ignoredLabel: Int?) -> EvaluationPart {
        guard let ignoredLabel, case .labels(let labels) = truth, !labels.isEmpty else { return self }
        let width = scores.count / labels.count
        let kept = labels.indices.filter { Int(labels[$0]) != ignoredLabel }
        return EvaluationPart(
            batch: batch, lossSum: lossSum,
            scores: kept.flatMap { scores[($0 * width)..<(($0 + 1) * width)] },
            labels: kept.map { labels[$0] })
    }

    /// Parts as one run of bytes, each preceded by its length.
    public static func encode(_ parts: [EvaluationPart]) -> [UInt8] {
        parts.flatMap { part in
            let bytes = part.encode()
            return withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) } + bytes
        }
    }

    /// Reads what ``encode(_:)`` wrote.
    public static func decode(_ bytes: [UInt8]) throws -> [EvaluationPart] {
        var parts: [EvaluationPart] = []
        var rest = bytes[...]
        while rest.count >= 8 {
            let length = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            guard length <= rest.count else { break }
            parts.append(try EvaluationPart(decoding: Array(rest.prefix(Int(length)))))
            rest = rest.dropFirst(Int(length))
        }
        guard rest.isEmpty else {
            throw LockstepError(.internalError, "an evaluation part sent by another rank is cut short")
        }
        return parts
    }
}
