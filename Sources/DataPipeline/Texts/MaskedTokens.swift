import Diagnostics

/// Texts with some tokens hidden, for a model that guesses them (Devlin et al., "BERT", 2019, section 3.1): of the
/// ordinary tokens 15 % are chosen; of these 80 % are replaced by the mask, 10 % by an ordinary token drawn at random,
/// and 10 % stay.
///
/// Fields: `tokens` as the model reads them, and `targets`, the hidden tokens, with the ignored target elsewhere; both
/// [length] int32. Which tokens are chosen is a pure function of the seed, the epoch and the sample.
public struct MaskedTokens: Dataset {
    /// What tokens are.
    public struct Vocabulary: Sendable, Equatable {
        /// Ids in use.
        public var identifierCount: Int
        /// Ids below are no ordinary tokens: they are neither hidden nor drawn.
        public var firstOrdinary: Int
        /// Stands for a hidden token.
        public var mask: Int

        /// Describes tokens.
        public init(identifierCount: Int, firstOrdinary: Int, mask: Int) {
            (self.identifierCount, self.firstOrdinary) = (identifierCount, firstOrdinary)
            self.mask = mask
        }
    }

    /// The share of ordinary tokens that are chosen.
    public static let chosenShare = 0.15
    /// The target of what is not hidden.
    public static let ignoredTarget: Int32 = -100

    /// The number of texts.
    public var count: Int { base.count }
    /// `tokens` and `targets`.
    public let fields: [FieldSpec]
    /// False: tokens are hidden on demand.
    public var isResident: Bool { false }
    /// Whether each epoch hides other tokens.
    public let variesByEpoch: Bool

    private let base: any Dataset
    private let vocabulary: Vocabulary
    private let seed: UInt64

    /// Hides tokens of the first field of a dataset.
    /// - Parameter variesByEpoch: false for an evaluation, which hides the same tokens each time.
    /// - Throws: `LockstepError` (2) for a dataset whose first field is no text of int32 tokens.
    public init(_ base: any Dataset, _ vocabulary: Vocabulary, seed: UInt64, variesByEpoch: Bool) throws {
        guard let tokens = base.fields.first, tokens.element == .int32, tokens.sampleShape.count == 1,
            vocabulary.firstOrdinary < vocabulary.identifierCount
        else {
            throw LockstepError(
                .usage, "only texts of tokens can be masked", remedy: "use data of texts or lines")
        }
        fields = ["tokens", "targets"].map {
            FieldSpec(name: $0, sampleShape: tokens.sampleShape, element: .int32)
        }
        (self.base, self.vocabulary, self.seed) = (base, vocabulary, seed)
        self.variesByEpoch = variesByEpoch
    }

    /// Writes a field as it is in the first epoch.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) throws {
        try write(sample: index, field: field, epoch: 0, to: destination)
    }

    /// Writes a field of a text as it is in an epoch.
    public func write(
        sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer
    ) throws {
        try base.write(sample: index, field: 0, epoch: epoch, to: destination)
        let tokens = destination.assumingMemoryBound(to: Int32.self)
        let key = RandomMixer.key(seed: seed, UInt64(variesByEpoch ? epoch : 0), UInt64(index))
        for place in 0..<fields[0].sampleShape[0] {
            let word = RandomMixer.mix(key &+ UInt64(place))
            let isChosen =
                Int(tokens[place]) >= vocabulary.firstOrdinary
                && Double(word >> 32) < Self.chosenShare * 0x1p32
            if field == 1 {
                if !isChosen { tokens[place] = Self.ignoredTarget }
            } else if isChosen {
                tokens[place] = replacement(for: tokens[place], word: RandomMixer.mix(word))
            }
        }
    }

    private func replacement(for token: Int32, word: UInt64) -> Int32 {
        switch Double(word >> 32) * 0x1p-32 {
        case ..<0.8: return Int32(vocabulary.mask)
        case ..<0.9:
            let ordinary = UInt64(vocabulary.identifierCount - vocabulary.firstOrdinary)
            return Int32(vocabulary.firstOrdinary) + Int32((word & 0xFFFF_FFFF) % ordinary)
        default: return token
        }
    }

    /// Where the text comes from.
    public func describe(sample index: Int) -> String { base.describe(sample: index) }

    /// The text.
    /// - Throws: what the other dataset throws.
    public func text(sample index: Int) throws -> String? { try base.text(sample: index) }
}
