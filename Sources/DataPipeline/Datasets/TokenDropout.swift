import Diagnostics

/// Texts some of whose tokens are hidden while training, anew in every epoch (Iyyer et al. 2015, "Deep unordered
/// composition rivals syntactic methods", section 3): a model then rests on no single word. Which ones depends on the
/// seed, the epoch, the sample's number and the token's place, and on nothing else.
public struct TokenDropout: Dataset {
    /// The number of samples.
    public var count: Int { base.count }
    /// The fields of the samples, the tokens first.
    public var fields: [FieldSpec] { base.fields }
    /// False: tokens are hidden on demand.
    public var isResident: Bool { false }
    /// True.
    public var variesByEpoch: Bool { true }

    private let base: any Dataset
    private let threshold: UInt64
    private let hidden: Int32
    private let kept: ClosedRange<Int32>
    private let seed: UInt64

    /// Hides tokens of other samples, the first field of which is tokens.
    /// - Parameters:
    ///   - rate: the probability with which a token is hidden.
    ///   - hidden: the identifier that stands for it then.
    ///   - kept: identifiers that are never hidden, such as padding's.
    ///   - seed: chooses the tokens, together with epoch, sample and place.
    /// - Throws: 2 for a rate that is none; 65 for samples that do not begin with tokens.
    public init(
        _ base: any Dataset, rate: Double, hidden: Int32, kept: ClosedRange<Int32>, seed: UInt64
    ) throws {
        guard (0..<1).contains(rate) else {
            throw LockstepError(.usage, "tokens cannot be hidden with probability \(rate)")
        }
        guard let first = base.fields.first, first.element == .int32, first.sampleShape.count == 1 else {
            throw LockstepError(.badData, "the samples do not begin with a row of tokens")
        }
        (self.base, self.hidden, self.kept, self.seed) = (base, hidden, kept, seed)
        threshold = UInt64(rate * 0x1p53)
    }

    /// Writes a field of a sample as it is in epoch 0.
    /// - Throws: what the other samples throw.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try write(sample: index, field: field, epoch: 0, to: destination)
    }

    /// Writes a field of a sample as it is in an epoch.
    /// - Throws: what the other samples throw.
    public func write(
        sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer
    ) throws {
        try base.write(sample: index, field: field, epoch: epoch, to: destination)
        guard field == 0 else { return }
        let tokens = destination.assumingMemoryBound(to: Int32.self)
        let key = RandomMixer.key(
            seed: seed ^ 0x746F_6B65_6E73, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)))
        for place in 0..<fields[0].sampleShape[0] where !kept.contains(tokens[place]) {
            if RandomMixer.key(seed: key, UInt64(place)) >> 11 < threshold { tokens[place] = hidden }
        }
    }

    /// The text behind a sample's tokens.
    /// - Throws: what the other samples throw.
    public func text(sample index: Int) throws -> String? { try base.text(sample: index) }

    /// Where the sample comes from.
    public func describe(sample index: Int) -> String { base.describe(sample: index) }
}
