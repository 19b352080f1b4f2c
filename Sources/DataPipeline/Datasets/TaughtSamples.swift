import Diagnostics

/// Samples of a classification with what a teacher says of each. The fields are those of the samples, but for the last, the
/// label: `targets` [2, classes] float32 has 1 at the label's class and 0 elsewhere, then the teacher's probability of each
/// class.
public struct TaughtSamples: Dataset {
    /// The number of samples.
    public var count: Int { base.count }
    /// Those of the samples, then `targets`.
    public let fields: [FieldSpec]
    /// Whether the samples are decoded in memory; probabilities are.
    public var isResident: Bool { base.isResident }
    /// Whether the samples differ from epoch to epoch; what the teacher says does not.
    public var variesByEpoch: Bool { base.variesByEpoch }

    private let base: any Dataset
    private let probabilities: [Float]
    private let classCount: Int

    /// Joins samples and a teacher's probabilities.
    /// - Parameters:
    ///   - base: samples whose last field is the number of a class, below `classCount`.
    ///   - probabilities: the teacher's, [samples, classes].
    /// - Throws: `LockstepError` (78) where they do not fit the samples.
    public init(_ base: any Dataset, probabilities: [Float], classCount: Int) throws {
        guard let label = base.fields.last, label.element == .int32, label.sampleShape.isEmpty,
            classCount > 0, probabilities.count == base.count * classCount
        else {
            throw LockstepError(
                .mismatch,
                "a teacher's \(probabilities.count) probabilities do not fit \(base.count) samples of "
                    + "\(classCount) classes", remedy: "use a teacher of the same classes")
        }
        fields =
            base.fields.dropLast()
            + [FieldSpec(name: "targets", sampleShape: [2, classCount], element: .float32)]
        (self.base, self.probabilities, self.classCount) = (base, probabilities, classCount)
    }

    /// Writes a field as it is in the first epoch.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try write(sample: index, field: field, epoch: 0, to: destination)
    }

    /// Writes a field of a sample.
    public func write(
        sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer
    ) throws {
        guard field == fields.count - 1 else {
            return try base.write(sample: index, field: field, epoch: epoch, to: destination)
        }
        var label: Int32 = 0
        try base.write(sample: index, field: field, epoch: epoch, to: &label)
        let targets = destination.assumingMemoryBound(to: Float.self)
        for place in 0..<classCount {
            targets[place] = place == Int(label) ? 1 : 0
            targets[classCount + place] = probabilities[index * classCount + place]
        }
    }

    /// Where the sample comes from.
    public func describe(sample index: Int) -> String { base.describe(sample: index) }

    /// What a person reads of a sample.
    /// - Throws: what the samples throw.
    public func text(sample index: Int) throws -> String? { try base.text(sample: index) }

    /// A number that tells a sample from others.
    /// - Throws: what the samples throw.
    public func identity(sample index: Int) throws -> UInt64 { try base.identity(sample: index) }
}
