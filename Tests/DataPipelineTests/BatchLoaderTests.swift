import DataPipeline
import Diagnostics
import Foundation
import Testing

/// A dataset that is decoded on demand: sample i is [i, 2i] with label i, and one sample may fail.
private struct DecodedDataset: Dataset {
    var count: Int
    var badSample: Int?
    var delay: TimeInterval = 0
    let fields = [
        FieldSpec(name: "features", sampleShape: [2], element: .float32),
        FieldSpec(name: "label", sampleShape: [], element: .int32),
    ]
    var isResident: Bool { false }

    func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        if delay > 0 { Thread.sleep(forTimeInterval: delay) }
        guard index != badSample else { throw LockstepError(.badData, describe(sample: index)) }
        guard field == 0 else { return destination.storeBytes(of: Int32(index), as: Int32.self) }
        destination.storeBytes(of: Float(index), as: Float.self)
        destination.storeBytes(of: Float(2 * index), toByteOffset: 4, as: Float.self)
    }

    func describe(sample index: Int) -> String { "sample \(index)" }
}

@Suite struct BatchLoaderTests {
    /// What a micro-batch held, copied out.
    private struct Seen: Equatable {
        var step: Int
        var shard: Int
        var firstPosition: Int
        var labels: [Int32]
        var features: [Float]

        init(_ batch: MicroBatch) {
            (step, shard, firstPosition) = (batch.step, batch.shard, batch.firstPosition)
            labels = Array(batch.integers(ofField: 1))
            features = Array(batch.floats(ofField: 0))
        }
    }

    private func collect(
        _ dataset: any Dataset, _ sampler: ShardSampler, shards: Range<Int>, steps: Range<Int>,
        threads: Int = 1
    ) throws -> [Seen] {
        let loader = BatchLoader(
            dataset: dataset, sampler: sampler, shards: shards, startStep: steps.lowerBound, threads: threads)
        defer { loader.stop() }
        return try (0..<(steps.count * shards.count)).map { _ in Seen(try loader.next()) }
    }

    private func variants(_ count: Int) throws -> [any Dataset] {
        let decoded = DecodedDataset(count: count)
        let arrays = try ArrayDataset([
            ("features", [2], .float32((0..<count).flatMap { [Float($0), Float(2 * $0)] })),
            ("label", [], .int32((0..<count).map(Int32.init))),
        ])
        return [decoded, try decoded.resident(), arrays]
    }

    @Test("Batches follow the sampler on every path", arguments: [true, false])
    func followsTheSampler(shuffles: Bool) throws {
        let sampler = try ShardSampler(
            sampleCount: 50, globalBatchSize: 16, shardCount: 4, seed: 3, shuffles: shuffles)
        for dataset in try variants(50) {
            for seen in try collect(dataset, sampler, shards: 0..<4, steps: 0..<9) {
                let range = sampler.range(step: seen.step, shard: seen.shard)
                let epoch = sampler.epoch(ofStep: seen.step)
                let first = sampler.firstPosition(step: seen.step)
                let expected = range.map {
                    Int32(sampler.sampleIndex(epoch: epoch, position: first + $0))
                }
                #expect(seen.labels == expected)
                #expect(seen.features == expected.flatMap { [Float($0), Float(2 * $0)] })
                #expect(seen.firstPosition == range.lowerBound)
            }
        }
    }

    /// Samples of 20 kB: of eight shards three are gathered at a time, so that the third time two are left.
    @Test func gathersAStepInParts() throws {
        let (count, width) = (45, 5000)
        let dataset = try ArrayDataset([
            ("features", [width], .float32((0..<(count * width)).map(Float.init))),
            ("label", [], .int32((0..<count).map(Int32.init))),
        ]).resident()
        let sampler = try ShardSampler(sampleCount: count, globalBatchSize: 16, shardCount: 8, seed: 5)
        let loader = BatchLoader(dataset: dataset, sampler: sampler, shards: 0..<8, startStep: 0)
        for number in 0..<(8 * 7) {
            let batch = try loader.next()
            #expect(batch.step == number / 8 && batch.shard == number % 8)
            let (step, range) = (batch.step, sampler.range(step: batch.step, shard: batch.shard))
            let samples = range.map {
                sampler.sampleIndex(
                    epoch: sampler.epoch(ofStep: step), position: sampler.firstPosition(step: step) + $0)
            }
            #expect(Array(UnsafeBufferPointer(start: batch.sampleIndices, count: batch.count)) == samples)
            #expect(Array(batch.integers(ofField: 1)) == samples.map { Int32($0) })
            let firsts = stride(from: 0, to: samples.count * width, by: width).map {
                batch.floats(ofField: 0)[$0]
            }
            #expect(firsts == samples.map { Float($0 * width) })
        }
    }

    /// Who fills a loader's batch anew leaves the others that were gathered with it alone.
    @Test func batchesKeepTheirOwnNumbers() throws {
        let sampler = try ShardSampler(
            sampleCount: 8, globalBatchSize: 8, shardCount: 2, seed: 0, shuffles: false)
        let dataset = try variants(8)[1]
        let loader = BatchLoader(dataset: dataset, sampler: sampler, shards: 0..<2, startStep: 0)
        try loader.next().gather(dataset, range: 5..<8)
        let second = try loader.next()
        #expect(Array(UnsafeBufferPointer(start: second.sampleIndices, count: 4)) == [4, 5, 6, 7])
    }

    @Test(
        "Any share-out of the shards gives the same batches", arguments: [[4, 8], [1, 3, 8], [2, 4, 6, 8]])
    func doesNotDependOnTheShareOut(bounds: [Int]) throws {
        let sampler = try ShardSampler(sampleCount: 45, globalBatchSize: 20, shardCount: 8, seed: 9)
        for dataset in try variants(45) {
            let alone = try collect(dataset, sampler, shards: 0..<8, steps: 0..<7)
            #expect(alone.map(\.step) == (0..<56).map { $0 / 8 })
            #expect(alone.map(\.shard) == (0..<56).map { $0 % 8 })
            var shared: [Seen] = []
            for (first, last) in zip([0] + bounds, bounds) {
                shared += try collect(dataset, sampler, shards: first..<last, steps: 0..<7)
            }
            shared.sort { ($0.step, $0.shard) < ($1.step, $1.shard) }
            #expect(shared == alone)
        }
    }

    /// Threads fill batches side by side; the reader gets them in order, however long each takes.
    @Test(arguments: [2, 5]) func anyNumberOfThreads(_ threads: Int) throws {
        let sampler = try ShardSampler(sampleCount: 45, globalBatchSize: 20, shardCount: 3, seed: 9)
        let alone = try collect(DecodedDataset(count: 45), sampler, shards: 0..<3, steps: 0..<40)
        let many = try collect(
            DecodedDataset(count: 45, delay: 0.00002), sampler, shards: 0..<3, steps: 0..<40, threads: threads
        )
        #expect(many == alone)
    }

    @Test func resumesAnywhere() throws {
        let sampler = try ShardSampler(sampleCount: 45, globalBatchSize: 20, shardCount: 3, seed: 9)
        for dataset in try variants(45) {
            let whole = try collect(dataset, sampler, shards: 0..<3, steps: 0..<8)
            for start in [1, 2, 3, 5] {
                let rest = try collect(dataset, sampler, shards: 0..<3, steps: start..<8)
                #expect(rest == Array(whole.dropFirst(start * 3)))
            }
        }
    }

    @Test func handsOutEmptyShards() throws {
        let sampler = try ShardSampler(sampleCount: 2, globalBatchSize: 2, shardCount: 4, seed: 0)
        for dataset in try variants(2) {
            let counts = try collect(dataset, sampler, shards: 0..<4, steps: 0..<2).map(\.labels.count)
            #expect(counts == [0, 1, 0, 1, 0, 1, 0, 1])
        }
    }

    @Test(arguments: [1, 4]) func rethrowsAfterTheGoodBatches(_ threads: Int) throws {
        let dataset = DecodedDataset(count: 12, badSample: 7)
        let sampler = try ShardSampler(
            sampleCount: 12, globalBatchSize: 2, shardCount: 1, seed: 0, shuffles: false)
        let loader = BatchLoader(
            dataset: dataset, sampler: sampler, shards: 0..<1, startStep: 0, threads: threads)
        for step in 0..<3 { #expect(try loader.next().step == step) }
        for _ in 0..<2 {
            let error = failure { _ = try loader.next() }
            #expect(error?.message == "sample 7")
        }
        loader.stop()
        #expect(failure { _ = try loader.next() }?.code == .internalError)
    }

    /// The held batch is not overwritten while the thread runs ahead.
    @Test func leavesTheHeldBatchAlone() throws {
        let dataset = DecodedDataset(count: 100)
        let sampler = try ShardSampler(
            sampleCount: 100, globalBatchSize: 5, shardCount: 1, seed: 0, shuffles: false)
        let loader = BatchLoader(dataset: dataset, sampler: sampler, shards: 0..<1, startStep: 0, depth: 2)
        for step in 0..<30 {
            let batch = try loader.next()
            if step % 10 == 0 { Thread.sleep(forTimeInterval: 0.005) }
            #expect(batch.step == step)
            #expect(Array(batch.integers(ofField: 1)) == (0..<5).map { Int32((step * 5 + $0) % 100) })
        }
    }

    @Test("Stopping ends the threads promptly", arguments: [0, 1, 3], [1, 3])
    func stops(taken: Int, threads: Int) throws {
        // A batch takes 10 s to decode: only a stop between samples is prompt.
        let dataset = DecodedDataset(count: 20_000, delay: taken == 0 ? 0.0005 : 0)
        let sampler = try ShardSampler(sampleCount: 20_000, globalBatchSize: 10_000, shardCount: 1, seed: 0)
        let loader = BatchLoader(
            dataset: dataset, sampler: sampler, shards: 0..<1, startStep: 0, threads: threads)
        for _ in 0..<taken { _ = try loader.next() }
        let time = ContinuousClock().measure {
            loader.stop()
            loader.stop()
        }
        #expect(time < .seconds(1))
    }

    @Test func stoppingWakesAWaitingReader() throws {
        let dataset = DecodedDataset(count: 20_000, delay: 0.0005)
        let sampler = try ShardSampler(sampleCount: 20_000, globalBatchSize: 10_000, shardCount: 1, seed: 0)
        let loader = BatchLoader(dataset: dataset, sampler: sampler, shards: 0..<1, startStep: 0)
        let stopper = Thread {
            Thread.sleep(forTimeInterval: 0.02)
            loader.stop()
        }
        stopper.start()
        let time = ContinuousClock().measure {
            #expect(failure { _ = try loader.next() }?.code == .internalError)
        }
        #expect(time < .seconds(1))
    }

    @Test func refusesWhatCannotBe() throws {
        let sampler = try ShardSampler(sampleCount: 10, globalBatchSize: 5, shardCount: 2, seed: 0)
        func next(_ count: Int, _ shards: Range<Int>, _ step: Int) throws {
            let dataset = DecodedDataset(count: count)
            _ = try BatchLoader(dataset: dataset, sampler: sampler, shards: shards, startStep: step).next()
        }
        #expect(failure { try next(11, 0..<2, 0) }?.code == .internalError)
        #expect(failure { try next(10, 0..<3, 0) }?.code == .internalError)
        #expect(failure { try next(10, 1..<1, 0) }?.code == .internalError)
        #expect(failure { try next(10, 0..<2, -1) }?.code == .internalError)
    }
}
