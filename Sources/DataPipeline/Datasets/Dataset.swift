/// What one field of every sample looks like in memory.
public struct FieldSpec: Sendable, Equatable {
    /// The type of a field's elements, each four bytes in the machine's order.
    public enum Element: Sendable {
        /// IEEE 754 single precision.
        case float32
        /// A signed integer: token identifiers, class numbers.
        case int32
    }

    /// The field's name: `features`, `tokens`, `label`.
    public let name: String
    /// One sample's shape; empty for a single element.
    public let sampleShape: [Int]
    /// The elements' type.
    public let element: Element
    /// One sample's size.
    public let sampleByteCount: Int

    /// Describes a field.
    public init(name: String, sampleShape: [Int], element: Element) {
        self.name = name
        self.sampleShape = sampleShape
        self.element = element
        sampleByteCount = sampleShape.reduce(4, *)
    }
}

/// A numbered collection of samples, each made of the same fields. All methods may be called by many threads.
public protocol Dataset: Sendable {
    /// The number of samples.
    var count: Int { get }
    /// The fields of each sample: inputs first, the label last where there is one.
    var fields: [FieldSpec] { get }
    /// Whether samples are decoded in memory, so that writing one is a plain copy that cannot fail.
    var isResident: Bool { get }
    /// Whether samples differ from epoch to epoch, as varied pictures do; false unless a type says otherwise.
    var variesByEpoch: Bool { get }
    /// Writes field number `field` of sample `index`, `sampleByteCount` bytes, to `destination`.
    /// - Throws: 65 where the sample cannot be decoded.
    func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws
    /// Writes a field of a sample as it is in an epoch, counted from 0; the same in all of them unless a type says
    /// otherwise.
    /// - Throws: 65 where the sample cannot be decoded.
    func write(sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer) throws
    /// Writes all fields of a sample as it is in an epoch: for types that find them together.
    /// - Parameter place: where a field goes.
    /// - Throws: 65 where the sample cannot be decoded.
    func write(sample index: Int, epoch: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer) throws
    /// Where the sample comes from, `FILE:LINE` for a file.
    func describe(sample index: Int) -> String
    /// What a person reads of the sample: its text, or its row of a table; nil where there is no such thing.
    /// - Throws: 65 where the sample cannot be read.
    func text(sample index: Int) throws -> String?
    /// A number that tells the sample from others, whatever a model reads of it, and wherever its file lies.
    func identity(sample index: Int) throws -> UInt64
}

extension Dataset {
    /// False.
    public var variesByEpoch: Bool { false }

    /// Writes a field of a sample, the same in all epochs.
    /// - Throws: 65 where the sample cannot be decoded.
    public func write(
        sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer
    ) throws {
        try write(sample: index, field: field, to: destination)
    }

    /// Writes one field after the other.
    /// - Throws: 65 where the sample cannot be decoded.
    public func write(
        sample index: Int, epoch: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer
    ) throws {
        for field in fields.indices {
            try write(sample: index, field: field, epoch: epoch, to: place(field))
        }
    }

    /// None.
    public func text(sample index: Int) throws -> String? { nil }

    /// A hash of the last two parts of where the sample comes from: of a picture, its class's folder and its name.
    public func identity(sample index: Int) throws -> UInt64 {
        let parts = describe(sample: index).split(separator: "/").suffix(2)
        return SampleIdentity.of(Array(parts.joined(separator: "/").utf8))
    }

    /// One sample's size, all fields together.
    public var sampleByteCount: Int { fields.reduce(0) { $0 + $1.sampleByteCount } }

    /// This dataset decoded in memory where it fits `byteLimit` and is the same in all epochs, else itself.
    /// - Throws: 65 for the first sample that cannot be decoded.
    public func resident(upTo byteLimit: Int = ResidentDataset.defaultByteLimit) throws -> any Dataset {
        if self is ResidentDataset || variesByEpoch { return self }
        let (byteCount, overflow) = count.multipliedReportingOverflow(by: sampleByteCount)
        return overflow || byteCount > byteLimit ? self : try ResidentDataset(self)
    }
}

/// Numbers that tell samples apart.
enum SampleIdentity {
    /// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/), of what comes after `hash`.
    static func of(
        _ bytes: some Sequence<UInt8>, after hash: UInt64 = 0xcbf2_9ce4_8422_2325
    ) -> UInt64 {
        bytes.reduce(hash) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
