/// How near translations come to their references: BLEU, and ROUGE. It merges exactly, whoever translated which lines.
public struct TranslationScores: Codable, Sendable, Equatable {
    /// Cased, with the word splitting `13a`.
    public private(set) var bleu = BLEU()
    /// Of single words, of pairs, and of the longest common subsequence.
    public private(set) var rouge = ROUGE()

    /// Of nothing.
    public init() {}

    /// Adds a batch of translations, each with its reference, detokenized.
    /// - Throws: 78 where the batch is there already; 65 where numbers differ.
    public mutating func accumulate(batch: Int, translations: [String], references: [String]) throws {
        try rouge.accumulate(batch: batch, summaries: translations, references: references)
        for (translation, reference) in zip(translations, references) {
            try bleu.add(translation, references: [reference])
        }
    }

    /// Adds all that another rank accumulated.
    /// - Throws: 78 where a batch is in both.
    public mutating func merge(_ other: TranslationScores) throws {
        try rouge.merge(other.rouge)
        bleu.merge(other.bleu)
    }
}
