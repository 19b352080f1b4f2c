import Diagnostics

/// Samples from Swift arrays, for tests and for people who bring their own data.
public struct ArrayDataset: Dataset {
    /// The samples of one field, one after the other, row-major.
    public enum Values: Sendable, Equatable {
        /// float32 elements.
        case float32([Float])
        /// int32 elements.
        case int32([Int32])
    }

    /// The number of samples.
    public let count: Int
    /// The fields of each sample.
    public let fields: [FieldSpec]
    /// True.
    public var isResident: Bool { true }
    private let values: [Values]

    /// Samples of the named fields, inputs first, the label last.
    /// - Throws: 65 where a field has no whole number of samples, or fields differ in their number of
    ///   samples.
    public init(_ columns: [(name: String, sampleShape: [Int], values: Values)]) throws {
        var counts: [Int] = []
        for column in columns {
            let elementCount = column.sampleShape.reduce(1, *)
            let total: Int
            switch column.values {
            case .float32(let array): total = array.count
            case .int32(let array): total = array.count
            }
            guard elementCount > 0, total % elementCount == 0 else {
                throw LockstepError(
                    .badData,
                    "field '\(column.name)' of shape \(column.sampleShape) cannot hold \(total) elements")
            }
            counts.append(total / elementCount)
        }
        guard let count = counts.first, counts.allSatisfy({ $0 == count }) else {
            throw LockstepError(.badData, "the fields have different numbers of samples: \(counts)")
        }
        self.count = count
        values = columns.map(\.values)
        fields = columns.map {
            let element: FieldSpec.Element = if case .float32 = $0.values { .float32 } else { .int32 }
            return FieldSpec(name: $0.name, sampleShape: $0.sampleShape, element: element)
        }
    }

    /// Features [count, F] and class numbers.
    /// - Throws: 65 where rows differ in length or number from the labels.
    public init(features: [[Float]], labels: [Int32]) throws {
        let width = features.first?.count ?? 0
        guard features.allSatisfy({ $0.count == width }) else {
            throw LockstepError(.badData, "the rows of features differ in length")
        }
        try self.init([
            ("features", [width], .float32(features.flatMap { $0 })), ("label", [], .int32(labels)),
        ])
    }

    /// Copies one field of a sample.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        let byteCount = fields[field].sampleByteCount
        func copy(_ bytes: UnsafeRawBufferPointer) {
            let sample = UnsafeRawBufferPointer(
                rebasing: bytes[(index * byteCount)..<((index + 1) * byteCount)])
            UnsafeMutableRawBufferPointer(start: destination, count: byteCount).copyMemory(from: sample)
        }
        switch values[field] {
        case .float32(let array): array.withUnsafeBytes(copy)
        case .int32(let array): array.withUnsafeBytes(copy)
        }
    }

    /// `sample N`.
    public func describe(sample index: Int) -> String { "sample \(index)" }
}
