/// Where a lane gets its micro-batches from.
public protocol MicroBatchSource: AnyObject {
    /// The micro-batch of a logical shard in a step; valid until the following call. A lane asks in order: step by
    /// step, its shards one after the other.
    /// - Throws: `LockstepError` when data cannot be read.
    func next(step: Int, shard: Int) throws -> MicroBatchView
}

/// The samples of a micro-batch, field by field.
public struct MicroBatchView {
    /// The fields in the order of the trace; each dense, [samples, …].
    public let fields: UnsafePointer<UnsafeMutableRawPointer>
    /// Samples; zero when the step has fewer samples than logical shards.
    public let sampleCount: Int
    /// The position of the first sample in the step's global batch.
    public let firstPosition: Int
    /// Elements of its sequences, where they differ from step to step; the same for all shards of a step.
    public let length: Int?

    /// Creates a view.
    public init(
        fields: UnsafePointer<UnsafeMutableRawPointer>, sampleCount: Int, firstPosition: Int,
        length: Int? = nil
    ) {
        self.fields = fields
        self.sampleCount = sampleCount
        self.firstPosition = firstPosition
        self.length = length
    }
}
