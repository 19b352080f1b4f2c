import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct WordPieceTokenizerTests {
    let recorded: RecordedTokenizers
    let path = RecordedTokenizers.folder.appendingPathComponent("vocab.txt").path

    init() throws { recorded = try RecordedTokenizers() }

    @Test func givesTheIdentifiersOfTokenizers() throws {
        try recorded.wordPiece.check(WordPieceTokenizer(vocabulary: path))
        try recorded.wordPieceCased.check(WordPieceTokenizer(vocabulary: path, lowercases: false))
    }

    @Test func piecesAreJoinedAndTheFormIsKept() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: path)
        #expect(tokenizer.identifier(of: "[CLS]") == 2 && tokenizer.identifier(of: "none such") == nil)
        #expect(tokenizer.decode(tokenizer.encode("The Wárranty, of it")) == "the warranty , of it")
        let read = try JSONDecoder().decode(WordPieceTokenizer.self, from: JSONEncoder().encode(tokenizer))
        #expect(read == tokenizer)
    }

    @Test func badVocabulariesAreNamed() throws {
        let scratch = try Scratch()
        for text in ["a\nb\n", "[UNK]\na\na\n"] {
            let bad = try scratch.write(text, as: "vocab.txt")
            #expect(failure { _ = try WordPieceTokenizer(vocabulary: bad) }?.location?.file == bad)
        }
        let bad = try scratch.write([0xFF, 0x0A], as: "vocab.txt")
        #expect(failure { _ = try WordPieceTokenizer(vocabulary: bad) }?.location?.file == bad)
        #expect(
            try WordPieceTokenizer(vocabulary: scratch.write("[UNK]\r\na\r\n", as: "v")).tokens == [
                "[UNK]", "a",
            ])
    }
}

@Suite struct CharacterTokenizerTests {
    @Test func charactersAreNumberedInUnicodeOrder() throws {
        let text = Array("héllo\n wörld 👋".utf8)
        let tokenizer = try CharacterTokenizer { take in try text.withUnsafeBufferPointer(take) }
        #expect(tokenizer.characters == "\n dhlorwéö👋")
        #expect(try tokenizer.decode(tokenizer.encode("wörld 👋")) == "wörld 👋")
        #expect(try tokenizer.encode("\n d") == [0, 1, 2])
        let error = failure { _ = try tokenizer.encode("dz") }
        #expect(error?.message.contains("'z' (U+7A) at byte 1") == true)
        let read = try JSONDecoder().decode(CharacterTokenizer.self, from: JSONEncoder().encode(tokenizer))
        #expect(read == tokenizer)
        #expect(failure { _ = try CharacterTokenizer(characters: "aba") } != nil)
        #expect(failure { _ = try CharacterTokenizer { _ in } } != nil)
    }

    /// nanoGPT's character data of the same text has 65 characters.
    @Test(.enabled(if: TestData.hasNews)) func readsShakespeare() throws {
        let text = try Data(contentsOf: TestData.folder.appendingPathComponent("tinyshakespeare/input.txt"))
        let tokenizer = try CharacterTokenizer { take in
            try text.withUnsafeBytes { try take($0.bindMemory(to: UInt8.self)) }
        }
        #expect(tokenizer.identifierCount == 65)
        #expect(try tokenizer.identifiers(of: Array(text)).count == 1_115_394)
    }
}
