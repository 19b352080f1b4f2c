import Diagnostics

/// Hands out the micro-batches of some logical shards, in the order (step, shard), epoch after epoch without
/// end.
///
/// A resident dataset is gathered in the caller's thread by plain copies; any other is decoded ahead by a
/// thread of the loader. One thread at a time may call ``next()``.
public final class BatchLoader: @unchecked Sendable {
    private let dataset: any Dataset
    private let resident: ResidentDataset?
    private let batch: MicroBatch
    private let ring: PrefetchRing?
    private let problem: LockstepError?
    private var cursor: ShardCursor
    private var isStopped = false

    /// Begins with the first of `shards` at `startStep`.
    /// - Parameters:
    ///   - dataset: as many samples as the sampler counts.
    ///   - shards: the logical shards of this lane, within 0..<V.
    ///   - startStep: the global step of the first micro-batch.
    ///   - depth: micro-batches that are decoded ahead.
    public init(
        dataset: any Dataset, sampler: ShardSampler, shards: Range<Int>, startStep: Int, depth: Int = 4
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
        batch = MicroBatch(specs: specs, capacity: isPrefetching ? 1 : sampler.maximumShardSize)
        ring =
            isPrefetching
            ? PrefetchRing(depth: depth, dataset: dataset, cursor: cursor, capacity: sampler.maximumShardSize)
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
        cursor.advance(into: batch)
        if let resident {
            resident.gather(into: batch)
        } else {
            try batch.decode(dataset)
        }
        return batch
    }

    /// Ends the loader's thread, if any, and waits for its end: one sample's decoding at most. Where there is
    /// a thread, a ``next()`` that waits for it on another thread is woken and throws.
    public func stop() {
        guard let ring else {
            isStopped = true
            return
        }
        ring.stop()
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
