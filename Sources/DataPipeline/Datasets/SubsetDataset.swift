/// Some samples of another dataset, in an order of their own.
public struct SubsetDataset: Dataset {
    /// The samples' numbers in the other dataset.
    public let indices: [Int]
    /// The number of samples.
    public var count: Int { indices.count }
    /// The fields of each sample.
    public var fields: [FieldSpec] { base.fields }
    /// Whether the other dataset is.
    public var isResident: Bool { base.isResident }
    /// Whether the other dataset does.
    public var variesByEpoch: Bool { base.variesByEpoch }
    private let base: any Dataset

    /// The samples of these numbers, each of which must be below `base.count`.
    public init(_ base: any Dataset, indices: [Int]) {
        self.base = base
        self.indices = indices
    }

    /// Writes one field of a sample.
    /// - Throws: what the other dataset throws.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try base.write(sample: indices[index], field: field, to: destination)
    }

    /// Writes one field of a sample as it is in an epoch.
    /// - Throws: what the other dataset throws.
    public func write(
        sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer
    ) throws {
        try base.write(sample: indices[index], field: field, epoch: epoch, to: destination)
    }

    /// Writes all fields of a sample as it is in an epoch.
    /// - Throws: what the other dataset throws.
    public func write(
        sample index: Int, epoch: Int, to place: (_ field: Int) -> UnsafeMutableRawPointer
    ) throws {
        try base.write(sample: indices[index], epoch: epoch, to: place)
    }

    /// Where the sample comes from.
    public func describe(sample index: Int) -> String { base.describe(sample: indices[index]) }

    /// What a person reads of a sample.
    /// - Throws: what the other dataset throws.
    public func text(sample index: Int) throws -> String? { try base.text(sample: indices[index]) }

    /// A number that tells a sample from others.
    /// - Throws: what the other dataset throws.
    public func identity(sample index: Int) throws -> UInt64 { try base.identity(sample: indices[index]) }
}
