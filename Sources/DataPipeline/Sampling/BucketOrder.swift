/// The steps of an epoch whose samples lie in buckets: which bucket each takes its samples from, and which of them.
///
/// In each epoch a bucket's samples come in a random order of their own. Those that fill no whole step go on to the next
/// longer bucket, so that an epoch has a single step with fewer samples, as many steps as without buckets, and each
/// sample once. Steps of all buckets then alternate at random.
struct BucketOrder: Sendable, Equatable {
    let buckets: LengthBuckets
    private let globalBatchSize: Int
    private let seed: UInt64
    private let shuffles: Bool
    /// The first step of each bucket while they are in order, and behind the last one their number.
    private let firstSteps: [Int]
    /// Samples of each bucket, those counted that come from the one before.
    private let counts: [Int]

    init(_ buckets: LengthBuckets, globalBatchSize: Int, seed: UInt64, shuffles: Bool) {
        (self.buckets, self.globalBatchSize) = (buckets, globalBatchSize)
        (self.seed, self.shuffles) = (seed, shuffles)
        var (firstSteps, counts, carried) = ([0], [Int](), 0)
        for (bucket, samples) in buckets.samples.enumerated() {
            let count = samples.count + carried
            let isLast = bucket == buckets.samples.count - 1
            carried = isLast ? 0 : count % globalBatchSize
            let steps = isLast ? (count + globalBatchSize - 1) / globalBatchSize : count / globalBatchSize
            firstSteps.append(firstSteps[bucket] + steps)
            counts.append(count)
        }
        (self.firstSteps, self.counts) = (firstSteps, counts)
    }

    /// Steps that see each sample once.
    var stepsPerEpoch: Int { firstSteps[counts.count] }

    /// A step's place: its bucket, its epoch, and the first of its samples in the bucket's order.
    struct Place {
        let epoch, bucket, first: Int
    }

    func place(ofStep step: Int) -> Place {
        let epoch = step / stepsPerEpoch
        var number = step % stepsPerEpoch
        if shuffles { number = Permutation(count: stepsPerEpoch, seed: seed, epoch: epoch)[number] }
        // A bucket without a step begins where the next one does: the last that begins is the right one.
        var bucket = counts.count - 1
        while firstSteps[bucket] > number { bucket -= 1 }
        return Place(
            epoch: epoch, bucket: bucket, first: (number - firstSteps[bucket]) * globalBatchSize)
    }

    /// Samples of a step.
    func sampleCount(_ place: Place) -> Int { min(globalBatchSize, counts[place.bucket] - place.first) }

    /// Writes the samples at some positions of a step to `indices`.
    func copy(_ range: Range<Int>, of place: Place, to indices: UnsafeMutablePointer<Int>) {
        let (bucket, epoch) = (place.bucket, place.epoch)
        let positions = (place.first + range.lowerBound)..<(place.first + range.upperBound)
        if shuffles {
            order(of: bucket, epoch).copy(positions, to: indices)
        } else {
            for (offset, position) in positions.enumerated() { indices[offset] = position }
        }
        for offset in 0..<range.count { indices[offset] = sample(indices[offset], of: bucket, epoch) }
    }

    private func order(of bucket: Int, _ epoch: Int) -> Permutation {
        Permutation(count: counts[bucket], seed: seed &+ UInt64(bucket) &+ 1, epoch: epoch)
    }

    /// A member of a bucket: first come its own samples, then what fills no whole step of the bucket before.
    private func sample(_ member: Int, of bucket: Int, _ epoch: Int) -> Int {
        var (member, bucket) = (member, bucket)
        while member >= buckets.samples[bucket].count {
            member -= buckets.samples[bucket].count
            bucket -= 1
            let position = (firstSteps[bucket + 1] - firstSteps[bucket]) * globalBatchSize + member
            member = shuffles ? order(of: bucket, epoch)[position] : position
        }
        return buckets.samples[bucket][member]
    }
}
