import Diagnostics

/// Which samples belong to which logical shard of which step: a pure function of its arguments, so that it is
/// the same on every rank, for every number of ranks, and after every resume.
///
/// An epoch is cut into steps of `globalBatchSize` samples, the last one smaller where they do not divide
/// evenly. A step of c samples is cut into V logical shards, of which number v takes the positions [v·c/V,
/// (v+1)·c/V).
///
/// With buckets, the samples of a step are of like length: see ``LengthBuckets``.
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
    private let order: BucketOrder?

    /// Creates a sampler.
    /// - Parameter buckets: the dataset's samples by their lengths, for steps of samples of like length.
    /// - Throws: 65 for a dataset without samples; 2 for a batch size or a shard number below 1 or beyond
    ///   2^31.
    public init(
        sampleCount: Int, globalBatchSize: Int, shardCount: Int, seed: UInt64, shuffles: Bool = true,
        buckets: LengthBuckets? = nil
    ) throws {
        guard sampleCount > 0, sampleCount <= 1 << 62 else {
            throw LockstepError(.badData, "the training split has no samples")
        }
        guard (1...(1 << 31)).contains(globalBatchSize), (1...(1 << 31)).contains(shardCount) else {
            throw LockstepError(
                .usage, "a batch of \(globalBatchSize) in \(shardCount) shards cannot be",
                remedy: "use a batch size and a number of logical shards of at least 1")
        }
        guard buckets.map({ $0.sampleCount == sampleCount }) ?? true else {
            throw LockstepError(.internalError, "the buckets are those of another number of samples")
        }
        self.sampleCount = sampleCount
        self.globalBatchSize = globalBatchSize
        self.shardCount = shardCount
        self.seed = seed
        self.shuffles = shuffles
        stepsPerEpoch = (sampleCount - 1) / globalBatchSize + 1
        maximumShardSize = (min(globalBatchSize, sampleCount) - 1) / shardCount + 1
        order = buckets.map {
            BucketOrder($0, globalBatchSize: globalBatchSize, seed: seed, shuffles: shuffles)
        }
    }

    /// The buckets that steps take their samples from, if any.
    public var buckets: LengthBuckets? { order?.buckets }

    /// How long the sequences of a step are; nil for those that the dataset writes.
    public func length(ofStep step: Int) -> SequenceLength? {
        order.map { $0.buckets.length(ofBucket: $0.place(ofStep: step).bucket) }
    }

    /// The epoch to which a step belongs, counted from 0.
    public func epoch(ofStep step: Int) -> Int { step / stepsPerEpoch }

    /// Samples of a step, over all shards.
    public func batchSize(step: Int) -> Int {
        guard let order else {
            return min(globalBatchSize, sampleCount - step % stepsPerEpoch * globalBatchSize)
        }
        return order.sampleCount(order.place(ofStep: step))
    }

    /// Samples of the steps before a step in its epoch.
    public func firstPosition(step: Int) -> Int {
        guard order != nil else { return step % stepsPerEpoch * globalBatchSize }
        return ((step - step % stepsPerEpoch)..<step).reduce(0) { $0 + batchSize(step: $1) }
    }

    /// The positions of a shard in its step's batch, counted from 0; empty where there are fewer samples than
    /// shards.
    public func range(step: Int, shard: Int) -> Range<Int> {
        range(shards: shard..<(shard + 1), batchSize: batchSize(step: step))
    }

    /// The positions of some shards in a batch of so many samples.
    func range(shards: Range<Int>, batchSize: Int) -> Range<Int> {
        (shards.lowerBound * batchSize / shardCount)..<(shards.upperBound * batchSize / shardCount)
    }

    /// Writes the samples at some positions of a step to `indices`.
    /// - Parameter permutation: that of the step's epoch.
    func copySamples(
        _ range: Range<Int>, step: Int, _ permutation: Permutation, to indices: UnsafeMutablePointer<Int>
    ) {
        if let order { return order.copy(range, of: order.place(ofStep: step), to: indices) }
        let first = firstPosition(step: step) + range.lowerBound
        if shuffles {
            permutation.copy(first..<(first + range.count), to: indices)
        } else {
            for offset in 0..<range.count { indices[offset] = first &+ offset }
        }
    }

    /// The order of the samples in an epoch, without buckets.
    public func permutation(epoch: Int) -> Permutation {
        Permutation(count: sampleCount, seed: seed, epoch: epoch)
    }

    /// The sample at a position of an epoch, without buckets.
    public func sampleIndex(epoch: Int, position: Int) -> Int {
        shuffles ? permutation(epoch: epoch)[position] : position
    }
}
