import Diagnostics

/// Samples of like length together, so that batches carry little padding: each step takes its samples from one bucket,
/// and each bucket has its own dataset, whose sequences are as long as the bucket's limit.
///
/// Like ``ShardSampler``, all of it is a pure function of its arguments: the same on every rank and after every resume.
public struct LengthBuckets: Sendable, Equatable {
    /// The largest length of each bucket, rising; longer samples than the last are in the last, and cut.
    public let limits: [Int]
    /// The samples of each bucket, ascending.
    public let samples: [[Int]]
    /// Samples of a full step, over all ranks.
    public let globalBatchSize: Int
    /// V, the number of logical shards of a step.
    public let shardCount: Int
    /// Orders buckets and samples together with the epoch.
    public let seed: UInt64
    /// Steps that see each sample once.
    public let stepsPerEpoch: Int
    /// The first step of each bucket while they are in order.
    private let firstSteps: [Int]

    /// Sorts samples into buckets.
    /// - Parameter lengths: of each sample.
    /// - Throws: 65 without samples; 2 for limits that do not rise, or sizes below 1.
    public init(
        lengths: [Int], limits: [Int], globalBatchSize: Int, shardCount: Int, seed: UInt64
    ) throws {
        guard let last = limits.last, limits[0] >= 1, zip(limits, limits.dropFirst()).allSatisfy({ $0 < $1 }),
            (1...(1 << 31)).contains(globalBatchSize), (1...(1 << 31)).contains(shardCount)
        else {
            throw LockstepError(
                .usage,
                "no buckets end at \(limits) with batches of \(globalBatchSize) in \(shardCount) shards",
                remedy: "use rising limits, and sizes of at least 1")
        }
        guard !lengths.isEmpty else { throw LockstepError(.badData, "the training split has no samples") }
        var samples = [[Int]](repeating: [], count: limits.count)
        for (sample, length) in lengths.enumerated() {
            samples[limits.firstIndex { min(length, last) <= $0 } ?? limits.count - 1].append(sample)
        }
        var (firstSteps, steps): ([Int], Int) = ([], 0)
        for bucket in samples {
            firstSteps.append(steps)
            steps += (bucket.count + globalBatchSize - 1) / globalBatchSize
        }
        (self.limits, self.samples, self.firstSteps, stepsPerEpoch) = (limits, samples, firstSteps, steps)
        (self.globalBatchSize, self.shardCount, self.seed) = (globalBatchSize, shardCount, seed)
    }

    /// The share of padding in all sequences, from 0 to 1.
    public func paddingShare(lengths: [Int]) -> Double {
        var (filled, total) = (0, 0)
        for (bucket, members) in samples.enumerated() {
            total += members.count * limits[bucket]
            filled += members.reduce(0) { $0 + min(lengths[$1], limits[bucket]) }
        }
        return 1 - Double(filled) / Double(total)
    }

    /// The bucket of a step. Buckets alternate at random, each as often as it has batches.
    public func bucket(ofStep step: Int) -> Int { place(ofStep: step).bucket }

    /// The samples of a shard of a step, by their numbers.
    public func samples(step: Int, shard: Int) -> [Int] {
        let (bucket, batch) = place(ofStep: step)
        let members = samples[bucket]
        let epoch = step / stepsPerEpoch
        let first = batch * globalBatchSize
        let size = min(globalBatchSize, members.count - first)
        let order = Permutation(count: members.count, seed: seed &+ UInt64(bucket) &+ 1, epoch: epoch)
        return ((shard * size / shardCount)..<((shard + 1) * size / shardCount)).map {
            members[order[first + $0]]
        }
    }

    private func place(ofStep step: Int) -> (bucket: Int, batch: Int) {
        let epoch = step / stepsPerEpoch
        let number = Permutation(count: stepsPerEpoch, seed: seed, epoch: epoch)[step % stepsPerEpoch]
        // Empty buckets begin where the next one does, so the last that begins is the right one.
        let bucket = (firstSteps.lastIndex { $0 <= number }) ?? 0
        return (bucket, number - firstSteps[bucket])
    }
}
