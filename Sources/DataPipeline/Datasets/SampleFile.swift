import Diagnostics
import Foundation

/// Samples that were decoded once into a file, which is mapped into memory: for data that is too large to be held there,
/// and costs more to decode in every epoch than a model takes to learn from it.
///
/// A sample is one record. A sequence of int32 has its length in front, without what fills its end, and two bytes an
/// element where the vocabulary allows it; other fields stand as they are. The file's name says what is in it; see
/// `CachedFile`.
public final class SampleFile: Dataset {
    /// The number of samples.
    public let count: Int
    /// The fields of each sample.
    public let fields: [FieldSpec]
    /// False: records are unpacked, and their pages loaded, on demand.
    public var isResident: Bool { false }

    private let origin: any Dataset
    private let file: MappedFile
    private let packing: Packing
    /// Where the place of each record stands, and of the end of the last.
    private let placesOffset: Int

    /// How sequences are packed.
    public struct Packing: Sendable, Equatable {
        /// The element that fills the ends of sequences; nil where all fields stand as they are.
        public var filler: Int32?
        /// Whether all elements of sequences are from 0 to 65,535.
        public var isNarrow: Bool

        /// Describes a packing.
        public init(filler: Int32?, identifierCount: Int = 0) {
            (self.filler, isNarrow) = (filler, identifierCount <= 1 << 16)
        }

        fileprivate func packs(_ field: FieldSpec) -> Bool {
            filler != nil && field.element == .int32 && field.sampleShape.count == 1
        }
        fileprivate var elementByteCount: Int { isNarrow ? 2 : 4 }
    }

    /// Opens the file of a dataset's samples, and makes it first where it is missing.
    /// - Parameters:
    ///   - origin: the same in all epochs.
    ///   - key: says which samples these are, and how they are encoded.
    ///   - folder: made where it is missing.
    /// - Throws: 65 where a sample cannot be decoded; 73 where the file cannot be written.
    public init(_ origin: any Dataset, packing: Packing, key: UInt64, folder: String) throws {
        let shape = origin.fields.reduce(RandomMixer.key(seed: key, UInt64(origin.count))) {
            RandomMixer.key(seed: $0, UInt64($1.sampleByteCount), packing.packs($1) ? 1 : 0)
        }
        let key = RandomMixer.key(
            seed: shape, UInt64(packing.elementByteCount), UInt64(bitPattern: Int64(packing.filler ?? 0)))
        let path = try CachedFile.path(
            folder: folder, name: "samples-\(String(key, radix: 16)).cache",
            isValid: { Header(readFrom: $0, key: key, count: origin.count) != nil },
            write: { try Self.write(origin, packing, key: key, to: $0) })
        guard let header = Header(readFrom: path, key: key, count: origin.count) else {
            throw LockstepError(
                .inputOutput, "the file of samples changed while it was opened", at: FileLocation(path))
        }
        (count, fields) = (origin.count, origin.fields)
        (self.origin, self.packing) = (origin, packing)
        placesOffset = header.placesOffset
        file = try MappedFile(path: path)
    }

    /// Unpacks one field of a sample.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        unpack(index) { $0 == field ? destination : nil }
    }

    /// Unpacks all fields of a sample.
    public func write(
        sample index: Int, epoch: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer
    ) { unpack(index) { place($0) } }

    private func unpack(_ sample: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer?) {
        let base = UnsafeRawPointer(file.base)
        var record = base + Int(base.load(fromByteOffset: placesOffset + 8 * sample, as: UInt64.self))
        for (number, field) in fields.enumerated() {
            let destination = place(number)
            guard let filler = packing.filler, packing.packs(field) else {
                destination?.copyMemory(from: record, byteCount: field.sampleByteCount)
                record += field.sampleByteCount
                continue
            }
            let (length, kept) = (field.sampleShape[0], Int(record.loadUnaligned(as: UInt32.self)))
            record += 4
            if let elements = destination?.assumingMemoryBound(to: Int32.self) {
                if packing.isNarrow {
                    for place in 0..<kept {
                        elements[place] = Int32(
                            record.loadUnaligned(fromByteOffset: 2 &* place, as: UInt16.self))
                    }
                } else {
                    UnsafeMutableRawPointer(elements).copyMemory(from: record, byteCount: 4 * kept)
                }
                (elements + kept).update(repeating: filler, count: length - kept)
            }
            record += kept * packing.elementByteCount
        }
    }

    /// Where the sample comes from.
    public func describe(sample index: Int) -> String { origin.describe(sample: index) }

    /// What a person reads of a sample.
    /// - Throws: what the dataset that was decoded throws.
    public func text(sample index: Int) throws -> String? { try origin.text(sample: index) }

    /// A number that tells a sample from others.
    /// - Throws: what the dataset that was decoded throws.
    public func identity(sample index: Int) throws -> UInt64 { try origin.identity(sample: index) }
}

extension SampleFile {
    /// The first bytes of the file, in the machine's order; then come the records, and from the next multiple of eight on
    /// the place of each.
    private struct Header {
        static let byteCount = 64
        static let magic: UInt64 = 0x314C_504D_534B_434C

        var key: UInt64
        var count: Int
        var placesOffset: Int

        var words: [UInt64] { [Self.magic, key, UInt64(count), UInt64(placesOffset), 0, 0, 0, 0] }

        init(key: UInt64, count: Int, placesOffset: Int) {
            (self.key, self.count, self.placesOffset) = (key, count, placesOffset)
        }

        /// The header of a file, or nil where it is missing, cut short or another.
        init?(readFrom path: String, key: UInt64, count: Int) {
            guard let file = try? MappedFile(path: path), file.byteCount >= Self.byteCount else { return nil }
            let words = UnsafeRawBufferPointer(start: file.base, count: Self.byteCount)
                .bindMemory(to: UInt64.self)
            guard words[3] <= UInt64(file.byteCount) else { return nil }
            self.init(key: key, count: count, placesOffset: Int(words[3]))
            guard self.words.elementsEqual(words), file.byteCount == placesOffset + 8 * (count + 1) else {
                return nil
            }
        }
    }

    private static func write(
        _ origin: any Dataset, _ packing: Packing, key: UInt64, to path: String
    ) throws {
        let writer = try CacheWriter(path: path)
        try writer.append([UInt8](repeating: 0, count: Header.byteCount))
        var (places, end) = ([UInt64](), Header.byteCount)
        places.reserveCapacity(origin.count + 1)
        // A window of chunks is decoded by all processors, then written in order.
        let (chunk, window) = (1024, 64)
        for start in stride(from: 0, to: origin.count, by: chunk * window) {
            let parts = ParallelWork.map(
                count: min(window, (origin.count - start + chunk - 1) / chunk)
            ) { part in
                let first = start + part * chunk
                return Result { try pack(origin, first..<min(origin.count, first + chunk), packing) }
            }
            for part in parts {
                let (bytes, lengths) = try part.get()
                for length in lengths {
                    places.append(UInt64(end))
                    end += length
                }
                try writer.append(bytes)
            }
        }
        let header = Header(key: key, count: origin.count, placesOffset: (end + 7) / 8 * 8)
        try writer.append([UInt8](repeating: 0, count: header.placesOffset - end))
        try writer.append(places + [UInt64(end)])
        try writer.flush()
        try writer.overwriteStart(with: header.words.withUnsafeBytes { Array($0) })
    }

    /// The records of some samples, one after the other, and the bytes of each.
    private static func pack(
        _ origin: any Dataset, _ samples: Range<Int>, _ packing: Packing
    ) throws -> (bytes: [UInt8], lengths: [Int]) {
        let memory = MicroBatch(specs: origin.fields, capacity: 1)
        var (bytes, lengths) = ([UInt8](), [Int]())
        for sample in samples {
            let before = bytes.count
            try origin.write(sample: sample, epoch: 0) { memory.fields[$0] }
            for (number, field) in origin.fields.enumerated() {
                let raw = UnsafeRawBufferPointer(start: memory.fields[number], count: field.sampleByteCount)
                guard let filler = packing.filler, packing.packs(field) else {
                    bytes.append(contentsOf: raw)
                    continue
                }
                let elements = raw.bindMemory(to: Int32.self)
                let kept = elements.prefix((elements.lastIndex { $0 != filler } ?? -1) + 1)
                withUnsafeBytes(of: UInt32(kept.count)) { bytes.append(contentsOf: $0) }
                if packing.isNarrow {
                    guard kept.allSatisfy({ (0...0xFFFF).contains($0) }) else {
                        throw LockstepError(
                            .internalError, "sample \(sample) has a token beyond its vocabulary")
                    }
                    for element in kept {
                        withUnsafeBytes(of: UInt16(truncatingIfNeeded: element)) {
                            bytes.append(contentsOf: $0)
                        }
                    }
                } else {
                    bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: raw[..<(4 * kept.count)]))
                }
            }
            lengths.append(bytes.count - before)
        }
        return (bytes, lengths)
    }
}

/// A number that says which samples a ``SampleFile`` holds, from all that they depend on.
public struct SampleKey: Sendable {
    /// The number.
    public private(set) var value: UInt64

    /// Begins with the fingerprint of the data.
    public init(_ fingerprint: UInt64) { value = RandomMixer.mix(fingerprint) }

    /// Adds bytes.
    public mutating func add(_ bytes: [UInt8]) {
        value = RandomMixer.mix(SampleIdentity.of(bytes, after: value))
    }

    /// Adds a number.
    public mutating func add(_ number: Int) {
        value = RandomMixer.mix(value ^ UInt64(bitPattern: Int64(number)) &* 0x9E37_79B9_7F4A_7C15)
    }
}
