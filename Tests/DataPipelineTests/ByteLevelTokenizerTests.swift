import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct ByteLevelTokenizerTests {
    let recorded: RecordedTokenizers
    let path = RecordedTokenizers.folder.appendingPathComponent("tokenizer.json").path

    init() throws { recorded = try RecordedTokenizers() }

    /// Trains on the lines that the recording trained on.
    private func trained(_ size: Int) throws -> ByteLevelTokenizer {
        let lines = try RecordedTokenizers.lines()
        return try .train(vocabularySize: size, addedTokens: ["<|endoftext|>"]) { take in
            for line in lines { try line.withUnsafeBufferPointer(take) }
        }
    }

    @Test func givesTheIdentifiersOfTokenizers() throws {
        #expect(recorded.notUTF8 > 500)
        try recorded.small.check(ByteLevelTokenizer(tokenizerJSON: path))
    }

    @Test func prefixSpaceIsAdded() throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
            .replacingOccurrences(of: "\"add_prefix_space\":false", with: "\"add_prefix_space\":true")
        let tokenizer = try JSONDecoder().decode(ByteLevelTokenizer.self, from: Data(text.utf8))
        try recorded.prefixed.check(tokenizer)
    }

    @Test(.enabled(if: TestData.hasNews)) func trainsTheVocabularyOfTokenizers() throws {
        let scratch = try Scratch()
        let tokenizer = try trained(8_000)
        try recorded.large.check(tokenizer)
        // The file that others read holds the same tokens and merges.
        let written = scratch.folder.path + "/tokenizer.json"
        try tokenizer.write(tokenizerJSON: written)
        struct File: Decodable {
            struct Model: Decodable {
                var vocab: [String: Int]
                var merges: [[String]]
            }
            var model: Model
        }
        let model = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: written)))
            .model
        var (tokens, merges) = (RecordedTokenizers.Hash(), RecordedTokenizers.Hash())
        tokens.add(model.vocab.sorted { $0.value < $1.value }.map(\.key).joined(separator: "\n").utf8)
        merges.add(model.merges.map { $0.joined(separator: " ") }.joined(separator: "\n").utf8)
        #expect(tokens.value == recorded.largeTokens && merges.value == recorded.largeMerges)
        #expect(try ByteLevelTokenizer(tokenizerJSON: written) == tokenizer)
        let small = try trained(600)
        #expect(try small == ByteLevelTokenizer(tokenizerJSON: path))
    }

    @Test func readsVocabularyAndMerges() throws {
        let scratch = try Scratch()
        struct File: Decodable {
            struct Model: Decodable {
                var vocab: [String: Int]
                var merges: [[String]]
            }
            var model: Model
        }
        let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        let vocabulary = scratch.folder.appendingPathComponent("vocab.json")
        try JSONEncoder().encode(file.model.vocab).write(to: vocabulary)
        let lines = ["#version: 0.2"] + file.model.merges.map { $0.joined(separator: " ") }
        let merges = try scratch.write(lines.joined(separator: "\n") + "\n", as: "merges.txt")
        let tokenizer = try ByteLevelTokenizer(
            vocabulary: vocabulary.path, merges: merges, addedTokens: ["<|endoftext|>"])
        #expect(try tokenizer == ByteLevelTokenizer(tokenizerJSON: path))
        #expect(tokenizer.identifier(ofAdded: "<|endoftext|>") == 0)

        let bad = try scratch.write("#version: 0.2\nh e\nx y z\n", as: "bad.txt")
        #expect(
            failure { _ = try ByteLevelTokenizer(vocabulary: vocabulary.path, merges: bad) }?.location?.line
                == 3)
        let unknown = try scratch.write("q zzz\n", as: "bad.txt")
        #expect(
            failure { _ = try ByteLevelTokenizer(vocabulary: vocabulary.path, merges: unknown) }?.code
                == .badData)
        #expect(
            failure {
                _ = try ByteLevelTokenizer(vocabulary: vocabulary.path, merges: merges, addedTokens: ["<x>"])
            }?
            .location?.file == vocabulary.path)
    }

    @Test func everyTextComesBack() throws {
        let tokenizer = try ByteLevelTokenizer(tokenizerJSON: path)
        for text in ["", "Grüße, 世界! 👩‍👩‍👧\r\n\t end  ", "<|endoftext|>", "a\u{0}b"] {
            #expect(tokenizer.decode(tokenizer.encode(text)) == text)
        }
        #expect(tokenizer.decode([-1, 1_000_000]) == "")
    }

    /// Short and long pieces are merged in two ways: they agree.
    @Test func longPiecesMergeAsShortOnes() throws {
        let tokenizer = try ByteLevelTokenizer(tokenizerJSON: path)
        let text = String(repeating: "theinganderenonderswith", count: 2_000)
        let identifiers = tokenizer.encode(text)
        #expect(tokenizer.decode(identifiers) == text)
        let prefix = tokenizer.encode(String(text.prefix(40)))
        #expect(Array(identifiers.prefix(prefix.count - 3)) == Array(prefix.dropLast(3)))
    }

    @Test func threadsShareATokenizer() async throws {
        let tokenizer = try ByteLevelTokenizer(tokenizerJSON: path)
        let wanted = recorded.small.samples.map(\.ids)
        let samples = recorded.small.samples.map { Array($0.text) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { try samples.map { try tokenizer.identifiers(of: $0) } == wanted }
            }
            for try await isEqual in group { #expect(isEqual) }
        }
    }

    @Test func addedTokensTakeSpaceAndTheLongestWins() throws {
        var text = try String(contentsOfFile: path, encoding: .utf8)
        let added =
            "{\"id\":600,\"content\":\"<m>\",\"single_word\":false,\"lstrip\":true,\"rstrip\":true,"
            + "\"normalized\":false,\"special\":true}"
        let longer = added.replacingOccurrences(of: "600", with: "601").replacingOccurrences(
            of: "<m>", with: "<m>>")
        text = text.replacingOccurrences(
            of: "\"added_tokens\":[", with: "\"added_tokens\":[\(added),\(longer),")
        let tokenizer = try JSONDecoder().decode(ByteLevelTokenizer.self, from: Data(text.utf8))
        let (a, b) = (tokenizer.encode("a"), tokenizer.encode("b"))
        #expect(tokenizer.encode("a  <m> \n b<m>>") == a + [600] + b + [601])
        #expect(tokenizer.identifierCount == 602)
    }

    @Test(arguments: [
        ("\"type\":\"BPE\"", "\"type\":\"Unigram\""),
        ("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}"),
        ("\"use_regex\":true", "\"use_regex\":false"), ("\"dropout\":null", "\"dropout\":0.1"),
        ("\"byte_fallback\":false", "\"byte_fallback\":true"), ("\"vocab\":{", "\"vocab\":{\"zz\":1,"),
        ("\"!\":1,", ""), ("\"merges\":[", "\"merges\":[[\"zz\",\"b\"],"), ("\"version\"", "\"versions\""),
        ("\"!\":1,", "\"!\":-1,"), ("\"!\":1,", "\"!\":999999999,"),
    ])
    func otherFilesAreRefused(from: String, to: String) throws {
        let scratch = try Scratch()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let changed = text.replacingOccurrences(of: from, with: to)
        #expect(changed != text)
        let bad = try scratch.write(changed, as: "tokenizer.json")
        let error = failure { _ = try ByteLevelTokenizer(tokenizerJSON: bad) }
        #expect(error?.code == .badData && error?.location?.file == bad)
    }

    @Test func trainingNeedsRoomForBytes() throws {
        for (size, added) in [(255, []), (256, ["<a>"]), (300, [""]), (300, ["a"]), (300, ["<a>", "<a>"])] {
            #expect(
                failure {
                    _ = try ByteLevelTokenizer.train(vocabularySize: size, addedTokens: added) { _ in }
                } != nil)
        }
        let bytesOnly = try ByteLevelTokenizer.train(vocabularySize: 300) { _ in }
        #expect(bytesOnly.identifierCount == 256 && bytesOnly.encode("é").count == 2)
    }
}
