import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct WordTokenizerTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func tokenizer(_ texts: [String], _ options: WordTokenizerOptions) throws -> WordTokenizer {
        try WordTokenizer(options: options) { take in
            for var text in texts { try text.withUTF8 { try take($0) } }
        }
    }

    private func words(_ text: String, lowercases: Bool = true) throws -> [String] {
        let options = WordTokenizerOptions(minimumCount: 1, lowercases: lowercases)
        return try tokenizer([text], options).words
    }

    @Test func splitsIntoWords() throws {
        #expect(try words("b'A, c-D_e 12.5!") == ["12", "5", "a", "b", "c", "d", "e"])
        #expect(try words("Ab aB", lowercases: false) == ["Ab", "aB"])
        #expect(try words("Über ÜBER—straße") == ["über", "straße"])
        #expect(try words("日本 語, 한국😀ok") == ["ok", "日本", "語", "한국"])
        #expect(
            try words("e\u{301} é")
                == ["e\u{301}", "é"].sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(try words("٣٤ Ⅷ x") == ["x", "٣٤", "ⅷ"])
    }

    @Test func ordersByCountThenBytes() throws {
        let options = WordTokenizerOptions(vocabularySize: 5, minimumCount: 2)
        let fitted = try tokenizer(["c c b b a a a d", "d e"], options)
        #expect(fitted.words == ["a", "b", "c"])
        #expect(fitted.identifierCount == 5)
        #expect(
            try tokenizer(["c c b b a a a d", "d e"], .init(vocabularySize: 100)).words == [
                "a", "b", "c", "d",
            ])
        #expect(failure { _ = try tokenizer(["a b c"], WordTokenizerOptions()) }?.code == .badData)
        #expect(failure { _ = try tokenizer(["a a"], .init(sequenceLength: 0)) }?.code == .usage)
        #expect(failure { _ = try tokenizer(["a a"], .init(vocabularySize: 2)) }?.code == .usage)
    }

    @Test func cutsAndPads() throws {
        func ids(
            _ text: String, _ cut: WordTokenizerOptions.TruncationSide,
            _ pad: WordTokenizerOptions.PaddingSide
        )
            throws -> [Int32]
        {
            let options = WordTokenizerOptions(
                minimumCount: 1, sequenceLength: 4, truncationSide: cut, paddingSide: pad)
            return try WordTokenizer(words: ["a", "b", "c", "d", "e"], options: options).encode(text)
        }
        #expect(try ids("a b c d e", .tail, .right) == [2, 3, 4, 5])
        #expect(try ids("a b c d e", .head, .right) == [3, 4, 5, 6])
        #expect(try ids("a b c d", .head, .left) == [2, 3, 4, 5])
        #expect(try ids("A zebra.", .tail, .right) == [2, 1, 0, 0])
        #expect(try ids("a zebra", .head, .left) == [0, 0, 2, 1])
        #expect(try ids("...", .tail, .left) == [0, 0, 0, 0])
        #expect(try ids("", .head, .right) == [0, 0, 0, 0])
    }

    @Test func survivesJSON() throws {
        let fitted = try tokenizer(["a a b b é é e\u{301} e\u{301}"], WordTokenizerOptions(sequenceLength: 3))
        let data = try JSONEncoder().encode(fitted)
        let restored = try JSONDecoder().decode(WordTokenizer.self, from: data)
        #expect(restored == fitted)
        #expect(restored.encode("b x é") == fitted.encode("b x é"))
        let doubled = String(decoding: data, as: UTF8.self).replacingOccurrences(of: "\"b\"", with: "\"a\"")
        #expect(throws: LockstepError.self) {
            try JSONDecoder().decode(WordTokenizer.self, from: Data(doubled.utf8))
        }
    }

    /// A file sorted by class and the same rows in any other order give the same vocabulary and classes.
    @Test func vocabularyDoesNotDependOnRowOrder() throws {
        let schema = TextSchema(
            text: [1, 2], label: 0, tokenizer: WordTokenizerOptions(vocabularySize: 20, sequenceLength: 8))
        var lines = (0..<60).map { number in
            let title = "word\(number % 7) class\(number / 20)"
            return "\(number / 20),\"\(title)\",\"tie\(number % 13), tie\(number % 11)\"\n"
        }
        let sorted = try scratch.source(lines.joined(), hasHeader: false)
        let fitted = try schema.fit(sorted, rows: Array(0..<60))
        #expect(fitted.tokenizer.identifierCount == 20)
        var random = FixedRandom(state: 11)
        for _ in 0..<5 {
            lines.shuffle(using: &random)
            let shuffled = try scratch.source(lines.joined(), hasHeader: false)
            #expect(try schema.fit(shuffled, rows: Array(0..<60)) == fitted)
        }
    }

    @Test func joinsColumnsAndPredictsWithoutLabel() throws {
        let source = try scratch.source(
            "title,label,body\n\"a \"\"b\"\"\",1,c\nb,2,a\n", hasHeader: true)
        let schema = TextSchema(
            text: ["body", "title"], label: "label",
            tokenizer: WordTokenizerOptions(minimumCount: 1, sequenceLength: 4))
        let fitted = try schema.fit(source, rows: [0, 1])
        #expect(fitted.tokenizer.wordList == ["a", "b", "c"])
        let dataset = try fitted.dataset(source)
        #expect(try dataset.integers(0) == [4, 2, 3, 0])
        #expect(try dataset.integers(0, field: 1) == [0])
        #expect(dataset.fields[0] == FieldSpec(name: "tokens", sampleShape: [4], element: .int32))
        let unlabelled = try scratch.source("body,title\nc,a b\n")
        let restored = try JSONDecoder().decode(FittedText.self, from: JSONEncoder().encode(fitted))
        #expect(try restored.dataset(unlabelled, withLabel: false).integers(0) == [4, 2, 3, 0])
        #expect(failure { _ = try restored.dataset(unlabelled) }?.code == .badData)
    }

    @Test(.enabled(if: TestData.hasNews)) func loadsNews() throws {
        let source = try CSVSource(path: TestData.newsPath, dialect: CSVDialect(hasHeader: false))
        #expect(source.rowCount == 7600)
        #expect(source.columnCount == 3)
        let split = try Splits.byRange(rowCount: source.rowCount, train: 0..<6080, test: 6080..<7600)
        let names = try FittedLabel.readNames(path: TestData.newsClassesPath)
        #expect(names == ["World", "Sports", "Business", "Sci/Tech"])
        let schema = TextSchema(
            text: [1, 2], label: 0, labelKind: .classes(names: names),
            tokenizer: WordTokenizerOptions(sequenceLength: 64))
        let fitted = try schema.fit(source, rows: split.train)
        #expect(fitted.tokenizer.identifierCount == 10_000)
        #expect(fitted.tokenizer.wordList.prefix(3) == ["the", "to", "a"])
        let dataset = try fitted.dataset(source, rows: split.test)
        #expect(dataset.count == 1520)
        for sample in stride(from: 0, to: dataset.count, by: 100) {
            #expect(try (0..<4).contains(dataset.integers(sample, field: 1)[0]))
            #expect(try dataset.integers(sample).contains { $0 > 1 })
        }
    }
}

extension SequenceTokenizer {
    /// The vocabulary, where it is of words.
    fileprivate var wordList: [String] {
        if case .words(let tokenizer) = self { return tokenizer.words }
        return []
    }
}
