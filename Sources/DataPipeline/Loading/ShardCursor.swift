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

    /// Writes the next micro-batch's place and sample numbers into `batch`.
    mutating func advance(into batch: MicroBatch) {
        let range = sampler.range(step: step, shard: shard)
        batch.step = step
        batch.epoch = epoch
        batch.shard = shard
        batch.count = range.count
        batch.firstPosition = range.lowerBound
        batch.length = sampler.length(ofStep: step)
        sampler.copySamples(range, step: step, permutation, to: batch.sampleIndices)
        shard += 1
        if shard == shards.upperBound { beginStep(step + 1) }
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
