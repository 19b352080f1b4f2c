/// The batches of an evaluation: consecutive samples in the dataset's order, or with buckets in that of their lengths,
/// each sample once, numbered without regard to how many ranks share the work.
public struct EvaluationBatches: Sendable, Equatable, RandomAccessCollection {
    /// Samples in all batches.
    public let sampleCount: Int
    /// Samples of a full batch; the last one may be smaller.
    public let batchSize: Int
    /// The sample at each position, by rising length; nil where positions are samples.
    public let order: [Int]?
    /// How long the sequences of each batch are; empty where all are as the dataset writes them.
    private let lengths: [SequenceLength]

    /// Cuts `sampleCount` samples into batches; a batch size below 1 counts as 1.
    /// - Parameter buckets: the samples by their lengths, for batches with little filling.
    public init(_ sampleCount: Int, batchSize: Int, buckets: LengthBuckets? = nil) {
        self.sampleCount = Swift.max(0, sampleCount)
        self.batchSize = Swift.max(1, batchSize)
        order = buckets?.samples.flatMap { $0 }
        guard let buckets else {
            lengths = []
            return
        }
        // The last sample of a batch is of the longest bucket in it.
        let ends = buckets.samples.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
        let size = self.batchSize
        lengths = stride(from: 0, to: sampleCount, by: size).map { first in
            let last = Swift.min(sampleCount, first + size) - 1
            return buckets.length(ofBucket: (ends.firstIndex { last < $0 } ?? 1) - 1)
        }
    }

    /// The number of the first batch.
    public var startIndex: Int { 0 }
    /// The number of batches.
    public var endIndex: Int { sampleCount == 0 ? 0 : (sampleCount - 1) / batchSize + 1 }

    /// The positions of a batch.
    public subscript(batch: Int) -> Range<Int> {
        (batch * batchSize)..<Swift.min(sampleCount, (batch + 1) * batchSize)
    }

    /// How long the sequences of a batch are; nil where they are as the dataset writes them.
    public func length(ofBatch batch: Int) -> SequenceLength? { lengths.isEmpty ? nil : lengths[batch] }

    /// Fills a micro-batch with the samples of a batch.
    /// - Throws: 65 where a sample cannot be decoded.
    public func gather(_ batch: Int, of dataset: any Dataset, into microBatch: MicroBatch) throws {
        guard let order else { return try microBatch.gather(dataset, range: self[batch], batch: batch) }
        try microBatch.gather(
            dataset, indices: order[self[batch]], firstPosition: self[batch].lowerBound, batch: batch,
            length: length(ofBatch: batch))
    }
}
