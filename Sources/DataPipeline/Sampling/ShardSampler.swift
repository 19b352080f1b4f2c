import Diagnostics

/// Which samples belong to which logical shard of which step: a pure function of its arguments, so that it is
/// the same on every rank, for every number of ranks, and after every resume.
///
/// An epoch is cut into steps of `globalBatchSize` samples, the last one smaller where they do not divide
/// evenly. A step of c samples is cut into V logical shards, of which number v takes the positions [v·c/V,
/// (v+1)·c/V).
public struct ShardSampler: Sendable, Equatable {
    /// Samples of the dataset.
    public let sampleCount: Int
    /// Samples of a full step, over all ranks.
    public let globalBatchSize: Int
    /// V, the number of logical shards of a step.
    public let shardCount: Int
    /// Orders the samples together with the epoch.
    public let seed: UInt64
    /// Whether samples come in random order, a new one each epoch.
    public let shuffles: Bool

    /// Steps that see each sample once.
    public let stepsPerEpoch: Int
    /// The most samples that one shard of one step has.
    public let maximumShardSize: Int

    /// Creates a sampler.
    /// - Throws: 65 for a dataset without samples; 2 for a batch size or a shard number below 1 or beyond
    ///   2^31.
    public init(
        sampleCount: Int, globalBatchSize: Int, shardCount: Int, seed: UInt64, shuffles: Bool = true
    ) throws {
        guard sampleCount > 0, sampleCount <= 1 << 62 else {
            throw LockstepError(.badData, "the training split has no samples")
        }
        guard (1...(1 << 31)).contains(globalBatchSize), (1...(1 << 31)).contains(shardCount) else {
            throw LockstepError(
                .usage, "a batch of \(globalBatchSize) in \(shardCount) shards cannot be",
                remedy: "use a batch size and a number of logical shards of at least 1")
        }
        self.sampleCount = sampleCount
        self.globalBatchSize = globalBatchSize
        self.shardCount = shardCount
        self.seed = seed
        self.shuffles = shuffles
        stepsPerEpoch = (sampleCount - 1) / globalBatchSize + 1
        maximumShardSize = (min(globalBatchSize, sampleCount) - 1) / shardCount + 1
    }

    /// The epoch to which a step belongs, counted from 0.
    public func epoch(ofStep step: Int) -> Int { step / stepsPerEpoch }

    /// Samples of a step, over all shards.
    public func batchSize(step: Int) -> Int {
        min(globalBatchSize, sampleCount - firstPosition(step: step))
    }

    /// The position in its epoch of a step's first sample.
    public func firstPosition(step: Int) -> Int { step % stepsPerEpoch * globalBatchSize }

    /// The positions of a shard in its step's batch, counted from 0; empty where there are fewer samples than
    /// shards.
    public func range(step: Int, shard: Int) -> Range<Int> {
        let size = batchSize(step: step)
        return (shard * size / shardCount)..<((shard + 1) * size / shardCount)
    }

    /// The order of the samples in an epoch.
    public func permutation(epoch: Int) -> Permutation {
        Permutation(count: sampleCount, seed: seed, epoch: epoch)
    }

    /// The sample at a position of an epoch.
    public func sampleIndex(epoch: Int, position: Int) -> Int {
        shuffles ? permutation(epoch: epoch)[position] : position
    }
}
