/// Walks over the micro-batches of some logical shards, in the order (step, shard), and numbers their
/// samples.
struct ShardCursor {
    private let sampler: ShardSampler
    private let shards: Range<Int>
    private var step: Int
    private var shard: Int
    private var epoch: Int
    private var permutation: Permutation

    init(sampler: ShardSampler, shards: Range<Int>, startStep: Int) {
        self.sampler = sampler
        self.shards = shards
        step = startStep
        shard = shards.lowerBound
        epoch = sampler.epoch(ofStep: startStep)
        permutation = sampler.permutation(epoch: epoch)
    }

    /// Writes the places and sample numbers of the next micro-batches of a step: as many as it still has and `batches`,
    /// which share their ``MicroBatch/numbers``, take. Together, since an order's numbers come many at a time.
    /// - Returns: how many batches are written.
    mutating func advance(into batches: some RandomAccessCollection<MicroBatch>) -> Int {
        let next = shard..<min(shard + batches.count, shards.upperBound)
        guard let start = batches.first?.numbers.start else { return 0 }
        let length = sampler.length(ofStep: step)
        let size = sampler.batchSize(step: step)
        let all = sampler.range(shards: next, batchSize: size)
        sampler.copySamples(all, step: step, permutation, to: start)
        var first = all.lowerBound
        for (batch, shard) in zip(batches, next) {
            let end = sampler.range(shards: shard..<(shard + 1), batchSize: size).upperBound
            batch.place = MicroBatch.Place(
                indices: start + (first - all.lowerBound), count: end - first, firstPosition: first,
                length: length, step: step, epoch: epoch, shard: shard)
            first = end
        }
        shard = next.upperBound
        if shard == shards.upperBound { beginStep(step + 1) }
        return next.count
    }

    private mutating func beginStep(_ next: Int) {
        step = next
        shard = shards.lowerBound
        let nextEpoch = sampler.epoch(ofStep: next)
        guard nextEpoch != epoch else { return }
        epoch = nextEpoch
        permutation = sampler.permutation(epoch: nextEpoch)
    }
}
