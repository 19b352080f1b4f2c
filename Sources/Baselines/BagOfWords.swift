/// Texts as counts of their words: lower-cased runs of at least two letters, digits or underscores, as scikit-learn's
/// `CountVectorizer` takes them. Words that the training texts do not hold are left out.
public struct BagOfWords: Sendable {
    /// Words beyond this number are left out, the rarest first.
    public static let vocabularyLimit = 1 << 20

    private let numbers: [String: Int32]

    /// The number of words.
    public var wordCount: Int { numbers.count }

    /// Collects the words of training texts.
    public init(_ texts: some Sequence<String>) {
        var counts: [String: Int] = [:]
        for text in texts {
            for word in Self.words(text) { counts[word, default: 0] += 1 }
        }
        var words = Array(counts)
        if words.count > Self.vocabularyLimit {
            words.sort { ($1.value, $0.key) < ($0.value, $1.key) }
            words.removeLast(words.count - Self.vocabularyLimit)
        }
        // In the order of their bytes: the same numbers wherever it runs.
        let sorted = words.map(\.key).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        numbers = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, Int32($0)) })
    }

    /// How often each known word is in a text, by rising number.
    public func counts(_ text: String) -> [(column: Int32, value: Float)] {
        var counts: [Int32: Float] = [:]
        for word in Self.words(text) {
            if let number = numbers[word] { counts[number, default: 0] += 1 }
        }
        return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The words of a text, in order.
    public static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        func close() {
            if word.count >= 2 { words.append(String(word)) }
            word.removeAll(keepingCapacity: true)
        }
        for scalar in text.lowercased().unicodeScalars {
            if isWord(scalar) { word.append(scalar) } else { close() }
        }
        close()
        return words
    }

    /// What Python's `\w` takes for part of a word: letters, numbers and the underscore.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return (0x30...0x39).contains(scalar.value) || (0x61...0x7A).contains(scalar.value)
                || scalar == "_"
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return scalar.properties.numericType != nil
        }
    }
}
