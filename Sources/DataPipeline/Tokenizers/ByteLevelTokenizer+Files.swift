import Diagnostics
import Foundation

extension ByteLevelTokenizer {
    /// Reads a `tokenizer.json` of Hugging Face.
    /// - Throws: 65 naming what is missing, damaged, or not of GPT-2's kind; 74 where the file cannot be read.
    public init(tokenizerJSON path: String) throws {
        let data = try Self.contents(path)
        let parts: Parts
        do {
            parts = try JSONDecoder().decode(TokenizerFile.self, from: data).parts
        } catch let error as LockstepError {
            throw LockstepError(error.code, error.message, at: FileLocation(path), remedy: error.remedy)
        } catch {
            throw LockstepError(.badData, "this is no tokenizer.json", at: FileLocation(path), cause: error)
        }
        try self.init(parts, at: FileLocation(path))
    }

    /// Reads `vocab.json` and `merges.txt` of GPT-2.
    /// - Parameter addedTokens: tokens of the vocabulary that are found in texts as a whole; unknown ones are an error.
    /// - Throws: 65 naming what is missing or damaged; 74 where a file cannot be read.
    public init(vocabulary: String, merges: String, addedTokens: [String] = []) throws {
        let numbers: [String: Int32]
        do {
            numbers = try JSONDecoder().decode([String: Int32].self, from: Self.contents(vocabulary))
        } catch let error as LockstepError {
            throw error
        } catch {
            throw LockstepError(.badData, "this is no vocab.json", at: FileLocation(vocabulary), cause: error)
        }
        var parts = Parts()
        parts.tokens = try TokenizerFile.numbered(numbers, at: FileLocation(vocabulary))
        let lines = String(decoding: try Self.contents(merges), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let text = line.hasSuffix("\r") ? line.dropLast() : line
            if text.isEmpty || (number == 0 && text.hasPrefix("#version")) { continue }
            let pair = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2 else {
                throw LockstepError(
                    .badData, "a merge is two tokens with a blank between",
                    at: FileLocation(merges, line: number + 1))
            }
            parts.merges.append(pair)
        }
        parts.addedTokens = try addedTokens.map { content in
            guard let identifier = numbers[content] else {
                throw LockstepError(
                    .badData, "the vocabulary has no token '\(content)'", at: FileLocation(vocabulary))
            }
            return AddedToken(content: content, identifier: identifier)
        }
        try self.init(parts, at: FileLocation(merges))
    }

    /// Writes a `tokenizer.json` that Hugging Face's `tokenizers` reads.
    /// - Throws: 74 where it cannot be written.
    public func write(tokenizerJSON path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw LockstepError(
                .inputOutput, "the file cannot be written", at: FileLocation(path), cause: error)
        }
    }

    private static func contents(_ path: String) throws -> Data {
        let file = try MappedFile(path: path)
        return Data(bytes: file.base, count: file.byteCount)
    }
}

extension ByteLevelTokenizer: Codable {
    /// Reads the contents of a `tokenizer.json`.
    public init(from decoder: any Decoder) throws {
        try self.init(TokenizerFile(from: decoder).parts, at: nil)
    }

    /// Writes the contents of a `tokenizer.json`.
    public func encode(to encoder: any Encoder) throws { try TokenizerFile(parts).encode(to: encoder) }
}
