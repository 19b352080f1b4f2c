import Diagnostics

/// Hands out the micro-batches of some logical shards, in the order (step, shard), epoch after epoch without
/// end.
///
/// A resident dataset is gathered in the caller's thread by plain copies; any other is decoded ahead by
/// threads of the loader. One thread at a time may call ``next()``.
public final class BatchLoader: @unchecked Sendable {
    private let dataset: any Dataset
    private let resident: ResidentDataset?
    /// Micro-batches of a step that are filled together.
    private let batches: [MicroBatch]
    private var (filledCount, takenCount) = (0, 0)
    private let ring: PrefetchRing?
    private let problem: LockstepError?
    private var cursor: ShardCursor
    private var isStopped = false

    /// Begins with the first of `shards` at `startStep`.
    /// - Parameters:
    ///   - dataset: as many samples as the sampler counts.
    ///   - shards: the logical shards of this lane, within 0..<V.
    ///   - startStep: the global step of the first micro-batch.
    ///   - depth: micro-batches that are decoded ahead; by itself 4, and up to 64 where they are small.
    ///   - threads: how many are decoded at once; a resident dataset needs none.
    public init(
        dataset: any Dataset, sampler: ShardSampler, shards: Range<Int>, startStep: Int, depth: Int? = nil,
        threads: Int = 1
    ) {
        let isSound =
            !shards.isEmpty && shards.lowerBound >= 0 && shards.upperBound <= sampler.shardCount
            && startStep >= 0 && dataset.count == sampler.sampleCount
        problem = isSound ? nil : Self.problem(sampler, shards, startStep, dataset.count)
        let safeShards = isSound ? shards : 0..<1
        let cursor = ShardCursor(sampler: sampler, shards: safeShards, startStep: isSound ? startStep : 0)
        self.dataset = dataset
        self.cursor = cursor
        resident = dataset as? ResidentDataset
        let specs = dataset.fields
        let isPrefetching = isSound && !dataset.isResident
        let capacity = sampler.maximumShardSize
        batches =
            isPrefetching
            ? []
            : Self.batches(
                specs: specs, capacity: capacity,
                count: resident == nil ? 1 : Self.count(of: safeShards.count, specs, capacity: capacity))
        ring =
            isPrefetching
            ? PrefetchRing(
                depth: depth ?? Self.depth(dataset, sampler), threads: threads, dataset: dataset,
                cursor: cursor, capacity: capacity)
            : nil
    }

    deinit { stop() }

    /// The next micro-batch; it is valid until the following call. No heap memory is allocated.
    /// - Throws: 65 where a sample cannot be decoded, once the micro-batches before it are handed out; 1
    ///   after ``stop()``.
    public func next() throws -> MicroBatch {
        if let problem { throw problem }
        if let ring { return try ring.take() }
        guard !isStopped else { throw PrefetchRing.stoppedError }
        if takenCount == filledCount { try fill() }
        takenCount += 1
        return batches[takenCount - 1]
    }

    private func fill() throws {
        (takenCount, filledCount) = (0, 0)
        let count = cursor.advance(into: batches)
        for number in 0..<count {
            if let resident {
                resident.gather(into: batches[number])
            } else {
                try batches[number].decode(dataset)
            }
        }
        filledCount = count
    }

    /// Ends the loader's threads, if any, and waits for their end: one sample's decoding at most. Where there are
    /// threads, a ``next()`` that waits for it on another thread is woken and throws.
    public func stop() {
        guard let ring else {
            isStopped = true
            return
        }
        ring.stop()
    }

    /// Of a lane's shards of a step, those that stay in the processor's cache until they are used.
    private static func count(of shardCount: Int, _ specs: [FieldSpec], capacity: Int) -> Int {
        let byteCount = specs.reduce(256) { $0 + max(64, $1.sampleByteCount * capacity) }
        return max(1, min(shardCount, (128 << 10) / byteCount))
    }

    private static func batches(specs: [FieldSpec], capacity: Int, count: Int) -> [MicroBatch] {
        let numbers = SampleNumbers(capacity: max(1, count * capacity))
        return (0..<count).map { _ in MicroBatch(specs: specs, capacity: capacity, numbers: numbers) }
    }

    /// As many micro-batches as have 4 MiB: where they are small, a thread that gets no processor for some milliseconds
    /// shall hold nobody back.
    private static func depth(_ dataset: any Dataset, _ sampler: ShardSampler) -> Int {
        let byteCount = max(1, dataset.sampleByteCount * sampler.maximumShardSize)
        return min(64, max(4, (4 << 20) / byteCount))
    }

    private static func problem(
        _ sampler: ShardSampler, _ shards: Range<Int>, _ startStep: Int, _ sampleCount: Int
    ) -> LockstepError {
        LockstepError(
            .internalError,
            "no loader can read shards \(shards) of \(sampler.shardCount) from step \(startStep) on, over "
                + "\(sampleCount) samples where the sampler has \(sampler.sampleCount)")
    }
}
