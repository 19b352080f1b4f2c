import Diagnostics

extension WordPieceTokenizer {
    /// The tokens that stand in front of a trained vocabulary, with BERT's names.
    public static let specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    /// Learns pieces from texts: words are cleaned and cut as ever, begin as characters, and again and again the most
    /// frequent pair of neighbours becomes a piece, as BertWordPieceTrainer of Hugging Face does it. Equal counts are
    /// taken in the order of the pieces' identifiers, and characters are numbered by falling count.
    /// - Parameters:
    ///   - vocabularySize: identifiers at most, ``specialTokens`` counted.
    ///   - minimumCount: rarer pairs are not joined.
    ///   - visit: hands texts in UTF-8 to its argument one by one, in any order.
    /// - Throws: 2 for a vocabulary without room; 65 for texts without a word; what `visit` throws.
    public static func train(
        vocabularySize: Int, minimumCount: Int = 2, lowercases: Bool = true,
        visiting visit: ((UnsafeBufferPointer<UInt8>) throws -> Void) throws -> Void
    ) throws -> WordPieceTokenizer {
        guard vocabularySize > specialTokens.count + 1, minimumCount >= 1 else {
            throw LockstepError(
                .usage, "no vocabulary of \(vocabularySize) pieces can be trained",
                remedy: "use at least \(specialTokens.count + 2) tokens and a count of at least 1")
        }
        var counts: [String: Int] = [:]
        try visit { text in
            let text = String(decoding: text, as: UTF8.self)
            for chunk in text.split(whereSeparator: \.isWhitespace) {
                for word in WordPieceCleaner.words(String(chunk), lowercases: lowercases) {
                    counts[String(String.UnicodeScalarView(word)), default: 0] += 1
                }
            }
        }
        guard !counts.isEmpty else {
            throw LockstepError(.badData, "there is no word in the training split")
        }
        let words = counts.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        var parts = ByteLevelTokenizer.Parts()
        parts.tokens = specialTokens + alphabet(of: words, limit: vocabularySize - specialTokens.count)
        let numbers = Dictionary(
            parts.tokens.enumerated().map { ($1 ?? "", Int32($0)) }, uniquingKeysWith: { first, _ in first })
        var trainer = MergeTrainer(
            words.compactMap { word, count in
                let characters = characters(of: word).map { numbers[$0] }
                guard !characters.contains(nil) else { return nil }
                return (characters.compactMap { $0 }, count)
            },
            join: { $0 + ($1.hasPrefix("##") ? String($1.dropFirst(2)) : $1) })
        trainer.train(&parts, vocabularySize: vocabularySize, minimumCount: minimumCount)
        return try WordPieceTokenizer(tokens: parts.tokens.compactMap { $0 }, lowercases: lowercases)
    }

    /// A word's characters, those after the first marked.
    private static func characters(of word: String) -> [String] {
        word.unicodeScalars.enumerated().map { ($0 > 0 ? "##" : "") + String(Character($1)) }
    }

    /// The most frequent characters, inside words and at their beginnings, equal counts in byte order.
    private static func alphabet(of words: [(key: String, value: Int)], limit: Int) -> [String] {
        var counts: [String: Int] = [:]
        for (word, count) in words {
            for character in characters(of: word) { counts[character, default: 0] += count }
        }
        return counts.sorted {
            $0.value != $1.value
                ? $0.value > $1.value : $0.key.utf8.lexicographicallyPrecedes($1.key.utf8)
        }.prefix(limit).map(\.key)
    }
}
