import Diagnostics

/// Texts with some tokens hidden, for a model that guesses them (Devlin et al., "BERT", 2019, section 3.1): of the
/// ordinary tokens 15 % are chosen; of these 80 % are replaced by the mask, 10 % by an ordinary token drawn at random,
/// and 10 % stay.
///
/// Fields, all int32: `tokens` [length] as the model reads them; `places` [k], where the chosen tokens stand; `targets` [k],
/// what they are. Texts with fewer chosen tokens than k end in the place 0 with the ignored target, and of the few texts
/// that would have more the last are not chosen: a model then computes an answer for k tokens of a text instead of all,
/// a quarter of the work. Which tokens are chosen is a pure function of the seed, the epoch and the sample.
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
    /// `tokens`, `places` and `targets`.
    public let fields: [FieldSpec]
    /// False: tokens are hidden on demand.
    public var isResident: Bool { false }
    /// Whether each epoch hides other tokens.
    public let variesByEpoch: Bool

    /// Places of a text: its mean of chosen tokens and two standard deviations, which one text in fifty exceeds.
    public static func placeCount(length: Int) -> Int {
        let (mean, variance) = (
            chosenShare * Double(length), chosenShare * (1 - chosenShare) * Double(length)
        )
        return min(length, Int((mean + 2 * variance.squareRoot()).rounded(.up)))
    }

    private let base: any Dataset
    private let length: Int
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
        length = tokens.sampleShape[0]
        let count = Self.placeCount(length: length)
        fields = [("tokens", length), ("places", count), ("targets", count)].map {
            FieldSpec(name: $0, sampleShape: [$1], element: .int32)
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
        let result = destination.assumingMemoryBound(to: Int32.self)
        let key = RandomMixer.key(seed: seed, UInt64(variesByEpoch ? epoch : 0), UInt64(index))
        try withUnsafeTemporaryAllocation(of: Int32.self, capacity: length) { tokens in
            guard let memory = tokens.baseAddress else { return }
            try base.write(sample: index, field: 0, epoch: epoch, to: memory)
            let capacity = fields[1].sampleShape[0]
            var chosen = 0
            for place in 0..<length {
                let word = RandomMixer.mix(key &+ UInt64(place))
                let isChosen =
                    Int(tokens[place]) >= vocabulary.firstOrdinary && chosen < capacity
                    && Double(word >> 32) < Self.chosenShare * 0x1p32
                if field == 0 {
                    result[place] =
                        isChosen
                        ? replacement(for: tokens[place], word: RandomMixer.mix(word)) : tokens[place]
                } else if isChosen {
                    result[chosen] = field == 1 ? Int32(place) : tokens[place]
                }
                chosen += isChosen ? 1 : 0
            }
            guard field > 0 else { return }
            for place in chosen..<capacity { result[place] = field == 1 ? 0 : Self.ignoredTarget }
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
