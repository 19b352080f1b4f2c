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
    public var sampleIndices: UnsafeMutablePointer<Int> { place.indices }
    /// Valid samples; 0 for a shard without samples.
    public var count: Int { place.count }
    /// The position of the first sample in its step's global batch, or in the dataset for evaluation.
    public var firstPosition: Int { place.firstPosition }
    /// How long the batch's sequences are; nil for those that the dataset writes.
    public var length: SequenceLength? { place.length }
    /// The global step, or the evaluation batch's number.
    public var step: Int { place.step }
    /// The epoch of the step, counted from 0; 0 for evaluation.
    public var epoch: Int { place.epoch }
    /// The logical shard; 0 for evaluation.
    public var shard: Int { place.shard }

    /// Which samples a batch holds. One value, since each write to a class takes as long as a small sample.
    struct Place {
        /// Within the memory of ``numbers``.
        var indices: UnsafeMutablePointer<Int>
        var count = 0
        var firstPosition = 0
        var length: SequenceLength?
        var step = 0
        var epoch = 0
        var shard = 0
    }

    var place: Place
    /// Where the samples' numbers lie; batches that are filled together share it.
    private(set) var numbers: SampleNumbers

    /// Makes room for `capacity` samples of these fields.
    public convenience init(specs: [FieldSpec], capacity: Int) {
        self.init(specs: specs, capacity: capacity, numbers: SampleNumbers(capacity: max(1, capacity)))
    }

    init(specs: [FieldSpec], capacity: Int, numbers: SampleNumbers) {
        self.specs = specs
        self.numbers = numbers
        place = Place(indices: numbers.start)
        self.capacity = max(1, capacity)
        fields = specs.map { [capacity = self.capacity] in
            let buffer = AlignedBuffer.allocate(byteCount: $0.sampleByteCount * capacity)
            // A first touch here, not in the first step, makes the memory real.
            buffer.initializeMemory(as: UInt8.self, repeating: 0, count: $0.sampleByteCount * capacity)
            return buffer
        }
    }

    deinit { for field in fields { field.deallocate() } }

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
        // Others' numbers stay as they are.
        if !isKnownUniquelyReferenced(&numbers) { numbers = SampleNumbers(capacity: capacity) }
        for (position, index) in indices.enumerated() {
            guard index >= 0, index < dataset.count else {
                throw LockstepError(.internalError, "sample \(index) of \(dataset.count) does not exist")
            }
            numbers.start[position] = index
        }
        place = Place(
            indices: numbers.start, count: indices.count, firstPosition: firstPosition, length: length,
            step: batch)
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

/// Room for numbers of samples.
final class SampleNumbers: @unchecked Sendable {
    let start: UnsafeMutablePointer<Int>

    init(capacity: Int) {
        start = .allocate(capacity: capacity)
        start.initialize(repeating: 0, count: capacity)
    }

    deinit { start.deallocate() }
}
