import DataPipeline
import Diagnostics
import Testing

/// Rows of tokens of many lengths, filled up with zeros: sample i begins with i + 1, its label is i.
private struct Rows: Dataset {
    let lengths: [Int]
    let fullLength: Int
    var count: Int { lengths.count }
    var fields: [FieldSpec] {
        [
            FieldSpec(name: "tokens", sampleShape: [fullLength], element: .int32),
            FieldSpec(name: "label", sampleShape: [], element: .int32),
        ]
    }
    var isResident: Bool { false }

    init(count: Int, fullLength: Int) {
        var random = FixedRandom(state: 4)
        lengths = (0..<count).map { _ in Int.random(in: 1...fullLength, using: &random) }
        self.fullLength = fullLength
    }

    func tokens(_ sample: Int, length: Int) -> [Int32] {
        (0..<length).map { $0 < lengths[sample] ? Int32(sample + 1 + $0) : 0 }
    }

    func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        guard field == 0 else { return destination.storeBytes(of: Int32(index), as: Int32.self) }
        for (place, token) in tokens(index, length: fullLength).enumerated() {
            destination.storeBytes(of: token, toByteOffset: 4 * place, as: Int32.self)
        }
    }

    func describe(sample index: Int) -> String { "row \(index)" }
}

@Suite struct LengthBucketsTests {
    private let rows = Rows(count: 103, fullLength: 40)
    private let limits = [5, 10, 20, 30, 40]

    private func sampler(
        _ buckets: LengthBuckets, shards: Int, batch: Int = 8, shuffles: Bool = true
    ) throws -> ShardSampler {
        try ShardSampler(
            sampleCount: buckets.sampleCount, globalBatchSize: batch, shardCount: shards, seed: 9,
            shuffles: shuffles, buckets: buckets)
    }

    /// The samples of a step, shard by shard.
    private func samples(_ sampler: ShardSampler, steps: Range<Int>) throws -> [[Int]] {
        let resident = try rows.resident()
        let loader = BatchLoader(
            dataset: resident, sampler: sampler, shards: 0..<sampler.shardCount, startStep: steps.lowerBound)
        return try steps.map { _ in
            try (0..<sampler.shardCount).flatMap { _ in
                let batch = try loader.next()
                return Array(batch.integers(ofField: 1)).map(Int.init)
            }
        }
    }

    @Test(arguments: [true, false]) func everySampleOnceAnEpoch(shuffles: Bool) throws {
        let buckets = try LengthBuckets(lengths: rows.lengths, limits: limits)
        let three = try sampler(buckets, shards: 3, shuffles: shuffles)
        #expect(three.stepsPerEpoch == 13, "as many steps as without buckets")
        var orders: [[[Int]]] = []
        for epoch in 0..<3 {
            let range = (13 * epoch)..<(13 * (epoch + 1))
            let steps = try samples(three, steps: range)
            #expect(steps == (try samples(sampler(buckets, shards: 1, shuffles: shuffles), steps: range)))
            #expect(steps.flatMap { $0 }.sorted() == Array(0..<103))
            #expect(steps.map(\.count).sorted() == [7] + Array(repeating: 8, count: 12))
            for (step, members) in zip(range, steps) {
                let length = try #require(three.length(ofStep: step))
                #expect(length.full == 40 && three.batchSize(step: step) == members.count)
                #expect(members.allSatisfy { rows.lengths[$0] <= length.kept })
                // What filled no step of the bucket before came here: fewer than a batch.
                let lower = limits.last { $0 < length.kept } ?? 0
                #expect(members.filter { rows.lengths[$0] <= lower }.count < 8)
            }
            #expect(three.firstPosition(step: range.lowerBound + 5) == steps.prefix(5).joined().count)
            orders.append(steps)
        }
        #expect((orders[0] != orders[1] && orders[1] != orders[2]) == shuffles)
        // Short and long batches alternate.
        let lengths = (0..<13).compactMap { three.length(ofStep: $0)?.kept }
        #expect((lengths != lengths.sorted()) == shuffles)
    }

    /// Batches hold the beginnings of the rows: from memory, decoded on demand by several threads, from any step on.
    @Test func batchesAreCut() throws {
        let buckets = try LengthBuckets(lengths: rows.lengths, limits: limits)
        let sampler = try sampler(buckets, shards: 2)
        var seen: [[[Int32]]] = []
        let variants: [(any Dataset, Int, Int)] = [(rows, 1, 0), (rows, 3, 5), (try rows.resident(), 1, 0)]
        for (dataset, threads, start) in variants {
            let loader = BatchLoader(
                dataset: dataset, sampler: sampler, shards: 0..<2, startStep: start, threads: threads)
            defer { loader.stop() }
            var batches: [[Int32]] = []
            for step in start..<30 {
                let length = try #require(sampler.length(ofStep: step)).kept
                for _ in 0..<2 {
                    let batch = try loader.next()
                    #expect(batch.length?.kept == length && batch.step == step)
                    let labels = batch.integers(ofField: 1).map(Int.init)
                    #expect(
                        Array(batch.integers(ofField: 0))
                            == labels.flatMap { rows.tokens($0, length: length) })
                    batches.append(labels.map(Int32.init))
                }
            }
            seen.append(batches)
        }
        #expect(seen[0] == seen[2] && Array(seen[0].dropFirst(10)) == seen[1])
    }

    @Test func evaluationsTakeSamplesByLength() throws {
        let buckets = try LengthBuckets(lengths: rows.lengths, limits: limits)
        let batches = EvaluationBatches(103, batchSize: 16, buckets: buckets)
        #expect(batches.count == 7)
        let memory = MicroBatch(specs: rows.fields, capacity: 16)
        var (seen, kept) = ([Int](), [Int]())
        for number in batches.indices {
            try batches.gather(number, of: rows, into: memory)
            let length = try #require(batches.length(ofBatch: number)).kept
            let labels = memory.integers(ofField: 1).map(Int.init)
            #expect(Array(memory.integers(ofField: 0)) == labels.flatMap { rows.tokens($0, length: length) })
            #expect(labels.allSatisfy { rows.lengths[$0] <= length })
            seen += labels
            kept.append(length)
        }
        #expect(seen == batches.order && seen.sorted() == Array(0..<103))
        #expect(kept == kept.sorted() && kept[0] < 40)
        let plain = EvaluationBatches(103, batchSize: 16)
        #expect(plain.order == nil && plain.length(ofBatch: 0) == nil)
        try plain.gather(1, of: rows, into: memory)
        #expect(memory.length == nil && memory.integers(ofField: 1).map(Int.init) == Array(16..<32))
    }

    @Test func lengthsAreThoseBeforeTheFilling() throws {
        #expect(try rows.sequenceLengths(ofFields: 0..<1, filler: 0) == rows.lengths)
        let pairs = try ArrayDataset([
            ("source", [4], .int32([5, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7])),
            ("inputs", [4], .int32([1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0])),
        ])
        #expect(try pairs.sequenceLengths(ofFields: 0..<2, filler: 0) == [3, 1, 4])
    }

    @Test func limitsThatLeaveLittleFilling() throws {
        let lengths = (0..<400).map { $0 < 300 ? 9 + $0 % 7 : 40 + $0 % 23 }
        let limits = LengthBuckets.limits(for: lengths, fullLength: 64, count: 3)
        #expect(limits.count == 3 && limits.last == 64 && limits.first == 16)
        #expect(limits.dropLast().allSatisfy { $0 % 4 == 0 })
        func share(_ limits: [Int]) throws -> Double {
            try LengthBuckets(lengths: lengths, limits: limits).fillingShare
        }
        // No other three limits of that grain do better.
        let best = try share(limits)
        for first in stride(from: 4, to: 60, by: 4) {
            for second in stride(from: first + 4, to: 64, by: 4) {
                #expect(try share([first, second, 64]) >= best)
            }
        }
        let whole = try LengthBuckets(lengths: lengths, limits: [64])
        #expect(whole.fillingShare == whole.fullFillingShare && best < 0.5 * whole.fillingShare)
        #expect(LengthBuckets.limits(for: [3, 4], fullLength: 4) == [4])
        #expect(LengthBuckets.limits(for: [1], fullLength: 1000).last == 1000)
    }

    @Test func whatCannotBe() throws {
        for limits in [[], [0], [3, 3], [2]] {
            #expect(failure { _ = try LengthBuckets(lengths: [3], limits: limits) }?.code == .usage)
        }
        #expect(failure { _ = try LengthBuckets(lengths: [], limits: [1]) }?.code == .badData)
        let gap = try LengthBuckets(lengths: [3, 3, 9], limits: [1, 3, 5, 9])
        #expect(gap.limits == [3, 9] && gap.samples == [[0, 1], [2]] && gap.fullLength == 9)
        #expect(
            failure {
                _ = try ShardSampler(
                    sampleCount: 4, globalBatchSize: 1, shardCount: 1, seed: 0, buckets: gap)
            }?.code == .internalError)
        // A batch larger than all buckets: one step, of the last one's length.
        let one = try sampler(gap, shards: 2, batch: 16)
        #expect(one.stepsPerEpoch == 1 && one.length(ofStep: 0)?.kept == 9 && one.batchSize(step: 0) == 3)
    }
}
