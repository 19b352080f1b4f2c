/// Any dataset decoded once into one contiguous buffer a field, [count, sampleShape…] row-major.
public final class ResidentDataset: Dataset, @unchecked Sendable {
    /// The size up to which ``Dataset/resident(upTo:)`` decodes in memory: 512 MiB.
    public static let defaultByteLimit = 512 << 20

    /// The number of samples.
    public let count: Int
    /// The fields of each sample.
    public let fields: [FieldSpec]
    /// True.
    public var isResident: Bool { true }
    private let origin: any Dataset
    /// Written while it is made, read-only afterwards.
    private let buffers: [UnsafeMutableRawPointer]

    /// Decodes every sample.
    /// - Throws: 65 for the first sample that cannot be decoded.
    public init(_ dataset: some Dataset) throws {
        count = dataset.count
        fields = dataset.fields
        origin = dataset
        buffers = dataset.fields.map { AlignedBuffer.allocate(byteCount: $0.sampleByteCount * dataset.count) }
        try decode(dataset)
    }

    /// Decodes every sample, by all processors; of several bad ones the first is told.
    private func decode(_ dataset: some Dataset) throws {
        let chunk = 1024
        let sizes = fields.map(\.sampleByteCount)
        let failures = ParallelWork.map(count: (count + chunk - 1) / chunk) { part -> (any Error)? in
            do {
                for index in (part * chunk)..<min(count, (part + 1) * chunk) {
                    try dataset.write(sample: index, epoch: 0) { buffers[$0] + index * sizes[$0] }
                }
                return nil
            } catch {
                return error
            }
        }
        if let first = failures.lazy.compactMap({ $0 }).first { throw first }
    }

    deinit {
        for buffer in buffers { buffer.deallocate() }
    }

    /// Copies one field of a sample.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        let byteCount = fields[field].sampleByteCount
        destination.copyMemory(from: buffers[field] + index * byteCount, byteCount: byteCount)
    }

    /// Where the sample comes from.
    public func describe(sample index: Int) -> String { origin.describe(sample: index) }

    /// What a person reads of a sample.
    /// - Throws: what the dataset that was decoded throws.
    public func text(sample index: Int) throws -> String? { try origin.text(sample: index) }

    /// A number that tells a sample from others.
    /// - Throws: what the dataset that was decoded throws.
    public func identity(sample index: Int) throws -> UInt64 { try origin.identity(sample: index) }

    /// All samples of one field, [count, sampleShape…] row-major.
    public func contents(ofField field: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: buffers[field], count: count * fields[field].sampleByteCount)
    }

    /// Copies the samples whose numbers stand in `batch.sampleIndices`; the loader's fast path.
    func gather(into batch: MicroBatch) {
        let place = batch.place
        let (indices, sampleCount) = (place.indices, place.count)
        for number in 0..<fields.count {
            let source = buffers[number]
            let destination = batch.fields[number]
            let byteCount = fields[number].sampleByteCount
            if byteCount == 4 {
                let from = source.assumingMemoryBound(to: UInt32.self)
                let to = destination.assumingMemoryBound(to: UInt32.self)
                for position in 0..<sampleCount { to[position] = from[indices[position]] }
            } else {
                // Without asking the batch: looking into a class takes as long as copying a row.
                let kept = place.length == nil ? byteCount : fields[number].byteCount(place.length)
                for position in 0..<sampleCount {
                    (destination + position &* kept).copyMemory(
                        from: source + indices[position] &* byteCount, byteCount: kept)
                }
            }
        }
    }
}

/// Memory on 64-byte boundaries, where vector loads are fastest.
enum AlignedBuffer {
    static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
    }
}
