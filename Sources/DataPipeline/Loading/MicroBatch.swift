import Diagnostics

/// Memory for some samples, one 64-byte aligned buffer a field, [capacity, sampleShape…] row-major. Where the batch has a
/// ``length`` of its own, its sequences lie one after the other, [count, length].
///
/// It is filled by one thread at a time and read by the thread that it was handed to.
public final class MicroBatch: @unchecked Sendable {
    /// What each field looks like.
    public let specs: [FieldSpec]
    /// The fields' memory: `count` samples are valid.
    public let fields: [UnsafeMutableRawPointer]
    /// The samples that fit.
    public let capacity: Int
    /// The number in the dataset of each valid sample.
    public let sampleIndices: UnsafeMutablePointer<Int>
    /// Valid samples; 0 for a shard without samples.
    public internal(set) var count = 0
    /// The position of the first sample in its step's global batch, or in the dataset for evaluation.
    public internal(set) var firstPosition = 0
    /// How long the batch's sequences are; nil for those that the dataset writes.
    public internal(set) var length: SequenceLength?
    /// The global step, or the evaluation batch's number.
    public internal(set) var step = 0
    /// The epoch of the step, counted from 0; 0 for evaluation.
    public internal(set) var epoch = 0
    /// The logical shard; 0 for evaluation.
    public internal(set) var shard = 0

    /// Makes room for `capacity` samples of these fields.
    public init(specs: [FieldSpec], capacity: Int) {
        self.specs = specs
        self.capacity = max(1, capacity)
        fields = specs.map { [capacity = self.capacity] in
            let buffer = AlignedBuffer.allocate(byteCount: $0.sampleByteCount * capacity)
            // A first touch here, not in the first step, makes the memory real.
            buffer.initializeMemory(as: UInt8.self, repeating: 0, count: $0.sampleByteCount * capacity)
            return buffer
        }
        sampleIndices = .allocate(capacity: self.capacity)
        sampleIndices.initialize(repeating: 0, count: self.capacity)
    }

    deinit {
        for field in fields { field.deallocate() }
        sampleIndices.deallocate()
    }

    /// The valid float32 elements of a field.
    public func floats(ofField field: Int) -> UnsafeBufferPointer<Float> {
        let elementCount = count * sampleByteCount(ofField: field) / MemoryLayout<Float>.size
        return UnsafeBufferPointer(
            start: fields[field].assumingMemoryBound(to: Float.self), count: elementCount)
    }

    /// The valid int32 elements of a field.
    public func integers(ofField field: Int) -> UnsafeBufferPointer<Int32> {
        let elementCount = count * sampleByteCount(ofField: field) / MemoryLayout<Int32>.size
        return UnsafeBufferPointer(
            start: fields[field].assumingMemoryBound(to: Int32.self), count: elementCount)
    }

    /// The bytes of one sample in a field.
    func sampleByteCount(ofField field: Int) -> Int { specs[field].byteCount(length) }

    /// Fills the batch with the samples of `range` in the dataset's order.
    /// - Parameter batch: the evaluation batch's number, kept in `step`.
    /// - Throws: 1 where they do not fit; 65 where a sample cannot be decoded.
    public func gather(_ dataset: any Dataset, range: Range<Int>, batch: Int = 0) throws {
        try gather(dataset, indices: range, firstPosition: range.lowerBound, batch: batch)
    }

    /// Fills the batch with the samples of these numbers.
    /// - Parameter length: where sequences are cut; none of the samples may be longer.
    /// - Throws: 1 where they do not fit; 65 where a sample cannot be decoded.
    public func gather(
        _ dataset: any Dataset, indices: some Collection<Int>, firstPosition: Int = 0, batch: Int = 0,
        length: SequenceLength? = nil
    ) throws {
        try checkFit(dataset, count: indices.count)
        for (position, index) in indices.enumerated() {
            guard index >= 0, index < dataset.count else {
                throw LockstepError(.internalError, "sample \(index) of \(dataset.count) does not exist")
            }
            sampleIndices[position] = index
        }
        (count, self.firstPosition, step, shard) = (indices.count, firstPosition, batch, 0)
        (epoch, self.length) = (0, length)
        if let resident = dataset as? ResidentDataset {
            resident.gather(into: self)
        } else {
            try decode(dataset)
        }
    }

    private func checkFit(_ dataset: any Dataset, count: Int) throws {
        guard count <= capacity, dataset.fields == specs else {
            throw LockstepError(
                .internalError,
                "\(count) samples of this dataset do not fit a batch made for \(capacity) of another")
        }
    }

    /// Decodes the samples of `sampleIndices`; stops early when asked to.
    ///
    /// Where sequences are cut, what a sample has beyond its length is written over by the next one; behind the last one
    /// there is room, since the batch was made for as many samples of full length.
    func decode(_ dataset: any Dataset, unless isStopped: () -> Bool = { false }) throws {
        let sizes = specs.indices.map(sampleByteCount(ofField:))
        for position in 0..<count {
            if isStopped() { return }
            try dataset.write(sample: sampleIndices[position], epoch: epoch) { field in
                fields[field] + position &* sizes[field]
            }
        }
    }
}
