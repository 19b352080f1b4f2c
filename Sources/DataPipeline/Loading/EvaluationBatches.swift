/// The batches of an evaluation: consecutive samples in the dataset's order, each sample once, numbered
/// without regard to how many ranks share the work.
public struct EvaluationBatches: Sendable, Equatable, RandomAccessCollection {
    /// Samples in all batches.
    public let sampleCount: Int
    /// Samples of a full batch; the last one may be smaller.
    public let batchSize: Int

    /// Cuts `sampleCount` samples into batches; a batch size below 1 counts as 1.
    public init(_ sampleCount: Int, batchSize: Int) {
        self.sampleCount = Swift.max(0, sampleCount)
        self.batchSize = Swift.max(1, batchSize)
    }

    /// The number of the first batch.
    public var startIndex: Int { 0 }
    /// The number of batches.
    public var endIndex: Int { sampleCount == 0 ? 0 : (sampleCount - 1) / batchSize + 1 }

    /// The samples of a batch, for ``MicroBatch/gather(_:range:batch:)``.
    public subscript(batch: Int) -> Range<Int> {
        (batch * batchSize)..<Swift.min(sampleCount, (batch + 1) * batchSize)
    }
}
