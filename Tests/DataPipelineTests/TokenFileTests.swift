import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct TokenFileTests {
    let scratch: Scratch
    let tokenizer: ByteLevelTokenizer
    var folder: String { scratch.folder.path + "/cache" }

    init() throws {
        scratch = try Scratch()
        tokenizer = try ByteLevelTokenizer(
            tokenizerJSON: RecordedTokenizers.folder.appendingPathComponent("tokenizer.json").path)
    }

    private func tokens(_ file: TokenFile, _ range: Range<Int>? = nil) -> [Int32] {
        (range ?? 0..<file.count).map { file[$0] }
    }

    @Test func holdsTheTokensOfTexts() throws {
        let one = try scratch.write("Two men\r\n\nare outside", as: "1.txt")
        let other = try scratch.write("the end\n", as: "2.txt")
        let files = try TokenFile(of: [one, other], tokenizer: tokenizer, endOfDocument: 0, folder: folder)
        #expect(files.documentCount == 2 && files.identifierCount == tokenizer.identifierCount)
        #expect(
            tokens(files) == tokenizer.encode("Two men\r\n\nare outside") + [0]
                + tokenizer.encode("the end\n") + [0])
        let lines = try TokenFile(of: [one, other], tokenizer: tokenizer, documents: .lines, folder: folder)
        let wanted = ["Two men", "", "are outside", "the end"].map { tokenizer.encode($0) }
        #expect((0..<lines.documentCount).map { tokens(lines, lines.range(ofDocument: $0)) } == wanted)
        #expect(lines.path != files.path)
    }

    /// More than 65,536 identifiers do not fit two bytes, and a text of many blocks is the same as of one.
    @Test func wideAndLongTexts() throws {
        let scalars =
            String.UnicodeScalarView((0x4E00..<0x4E00 + 20_000).compactMap { Unicode.Scalar($0) })
            + String.UnicodeScalarView((0x20000..<0x20000 + 50_000).compactMap { Unicode.Scalar($0) })
        let wide = try CharacterTokenizer(characters: String(scalars))
        let text = String(String.UnicodeScalarView(scalars.reversed())) + String(scalars)
        let file = try TokenFile(of: [scratch.write(text, as: "wide")], tokenizer: wide, folder: folder)
        #expect(file.count == 140_000 && file[0] == 69_999 && file[139_999] == 69_999 && file[70_000] == 0)

        let long = String(repeating: "the quick brown fox, 123 times; ", count: 20_000)
        let packed = try TokenFile(
            of: [scratch.write(long, as: "long")], tokenizer: tokenizer, folder: folder)
        #expect(tokens(packed) == tokenizer.encode(long))
    }

    @Test func anotherTextTokenizerOrOptionGetsItsOwnFile() throws {
        let path = try scratch.write("abc abc\n", as: "a.txt")
        let first = try TokenFile(of: [path], tokenizer: tokenizer, folder: folder).path
        #expect(try TokenFile(of: [path], tokenizer: tokenizer, folder: folder).path == first)
        let characters = try CharacterTokenizer(characters: "abc \n")
        #expect(try TokenFile(of: [path], tokenizer: characters, folder: folder).path != first)
        #expect(
            try TokenFile(of: [path], tokenizer: tokenizer, endOfDocument: 1, folder: folder).path != first)
        _ = try scratch.write("abc abd\n", as: "a.txt")
        let changed = try TokenFile(of: [path], tokenizer: tokenizer, folder: folder)
        #expect(changed.path != first && tokenizer.decode(tokens(changed)) == "abc abd\n")
    }

    @Test func aDamagedFileIsMadeAnew() throws {
        let path = try scratch.write("abc abc\n", as: "a.txt")
        let file = try TokenFile(of: [path], tokenizer: tokenizer, folder: folder)
        let whole = try Data(contentsOf: URL(fileURLWithPath: file.path))
        for damaged in [
            whole.dropLast(), whole + [0], Data(whole.prefix(10)), Data(repeating: 255, count: 500),
        ] {
            try damaged.write(to: URL(fileURLWithPath: file.path))
            _ = try TokenFile(of: [path], tokenizer: tokenizer, folder: folder)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == whole)
        }
    }

    @Test func badTextsAreNamedByLine() throws {
        let path = try scratch.write("abc\ncab\nabz\n", as: "a.txt")
        let characters = try CharacterTokenizer(characters: "abc\n")
        let error = failure {
            _ = try TokenFile(of: [path], tokenizer: characters, documents: .lines, folder: folder)
        }
        #expect(error?.location?.description == "\(path):3")
        #expect(
            failure {
                _ = try TokenFile(of: [path], tokenizer: tokenizer, endOfDocument: 9_999, folder: folder)
            }?.code
                == .usage)
        #expect(
            failure { _ = try TokenFile(of: [path + "x"], tokenizer: tokenizer, folder: folder) }?.code
                == .badData)
        let mixed = try scratch.write(Array("ok\nok\n".utf8) + [0xE9, 10], as: "mixed.txt")
        #expect(failure { try TextLines(path: mixed).checkUTF8() }?.location?.line == 3)
        #expect(try TextLines(path: mixed)[2] == "\u{FFFD}")
        try TextLines(path: path).checkUTF8()
    }
}

@Suite struct TokenDatasetTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Digits as tokens: '0' is 0.
    private func file(_ text: String, documents: TokenFile.Documents = .files) throws -> TokenFile {
        try TokenFile(
            of: [scratch.write(text, as: UUID().uuidString)],
            tokenizer: CharacterTokenizer(characters: "0123456789abcdef\n"), documents: documents,
            folder: scratch.folder.path)
    }

    @Test func windowsFollowOneAnother() throws {
        let digits = try file("0123456789")
        let windows = try TokenWindows(digits, length: 3)
        #expect(windows.count == 3)
        #expect(try windows.integers(2) == [6, 7, 8] && windows.integers(2, field: 1) == [7, 8, 9])
        let part = try TokenWindows(digits, range: 2..<7, length: 3, stride: 1)
        #expect(part.count == 2)
        #expect(try part.integers(1) == [3, 4, 5] && part.integers(1, field: 1) == [4, 5, 6])
        // Every target comes up once, the rest is filled.
        let all = try TokenWindows(digits, length: 4, ignoredTarget: -1)
        #expect(
            try (0..<all.count).flatMap { try all.integers($0, field: 1) } == [
                1, 2, 3, 4, 5, 6, 7, 8, 9, -1, -1, -1,
            ])
        #expect(try all.integers(2) == [8, 0, 0, 0])
        #expect(failure { _ = try TokenWindows(digits, length: 10) }?.code == .badData)
        #expect(
            failure { _ = try TokenWindows(digits, range: 3..<4, length: 2, ignoredTarget: 0) }?.code
                == .badData)
        #expect(failure { _ = try TokenWindows(digits, range: 0..<11, length: 2) }?.code == .usage)
        #expect(failure { _ = try TokenWindows(digits, length: 0) }?.code == .usage)
        for count in 2...10 {
            for length in 1...4 {
                for stride in 1...4 {
                    let starts = Swift.stride(from: 0, to: count - length, by: stride)
                    let found =
                        (try? TokenWindows(digits, range: 0..<count, length: length, stride: stride))?.count
                        ?? 0
                    #expect(found == Array(starts).count)
                }
            }
        }
    }

    @Test func documentsAreFramedCutAndFilled() throws {
        let lines = try file("123\n\n4567\n", documents: .lines)
        let documents = try TokenDocuments(
            lines, labels: [5, 6, 7], length: 5, first: 10, last: 11, padding: 15)
        #expect(
            try documents.integers(0) == [10, 1, 2, 3, 11] && documents.integers(1) == [10, 11, 15, 15, 15])
        #expect(try documents.integers(2) == [10, 4, 5, 6, 11] && documents.integers(2, field: 1) == [7])
        #expect(documents.lengths == [5, 2, 6])
        #expect(try TokenDocuments(lines, length: 2, padding: 15).integers(2) == [4, 5])
        #expect(
            failure { _ = try TokenDocuments(lines, labels: [1], length: 5, padding: 0) }?.code == .badData)
        #expect(
            failure { _ = try TokenDocuments(lines, length: 2, first: 1, last: 2, padding: 0) }?.code
                == .usage)
    }

    @Test func parallelLinesArePaired() throws {
        let tokens = ParallelText.Tokens(begin: 10, end: 11, padding: 12, ignored: 13)
        let (source, target) = (
            try file("12\n3456\n", documents: .lines), try file("7\n89\n", documents: .lines)
        )
        let pairs = try ParallelText(
            source: source, target: target, sourceLength: 4, targetLength: 3, tokens: tokens)
        #expect(pairs.count == 2 && pairs.cutCount == 1 && pairs.lengths == [3, 5])
        #expect(
            try (0..<3).map { try pairs.integers(0, field: $0) } == [
                [1, 2, 11, 12], [10, 7, 12], [7, 11, 13],
            ])
        #expect(
            try (0..<3).map { try pairs.integers(1, field: $0) } == [
                [3, 4, 5, 11], [10, 8, 9], [8, 9, 11],
            ])
        let error = failure {
            let short = try file("1\n", documents: .lines)
            _ = try ParallelText(
                source: source, target: short, sourceLength: 4, targetLength: 3, tokens: tokens)
        }
        #expect(error?.message == "2 lines of source stand beside 1 lines of target")
    }
}
