import Diagnostics

/// The structure of a `tokenizer.json`, as far as byte-level tokenizers of GPT-2's kind use it.
struct TokenizerFile: Codable {
    private struct Model: Codable {
        var type = "BPE"
        var vocabulary: [String: Int32] = [:]
        var merges: [Merge] = []
        var unknownToken: String?
        var subwordPrefix: String?
        var wordSuffix: String?
        var dropout: Double?
        var byteFallback: Bool?
        var ignoresMerges: Bool?

        enum CodingKeys: String, CodingKey {
            case type, merges, dropout
            case vocabulary = "vocab"
            case unknownToken = "unk_token"
            case subwordPrefix = "continuing_subword_prefix"
            case wordSuffix = "end_of_word_suffix"
            case byteFallback = "byte_fallback"
            case ignoresMerges = "ignore_merges"
        }
    }

    /// Two tokens: as one text with a blank, or as a list.
    private struct Merge: Codable {
        var pair: [String]

        init(_ pair: [String]) { self.pair = pair }

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let text = try? value.decode(String.self) {
                pair = text.split(separator: " ").map(String.init)
            } else {
                pair = try value.decode([String].self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var value = encoder.singleValueContainer()
            try value.encode(pair)
        }
    }

    private struct Added: Codable {
        var identifier: Int32
        var content: String
        var isSingleWord = false
        var takesSpaceBefore = false
        var takesSpaceAfter = false
        var isNormalized = false
        var isSpecial = true

        enum CodingKeys: String, CodingKey {
            case content
            case identifier = "id"
            case isSingleWord = "single_word"
            case takesSpaceBefore = "lstrip"
            case takesSpaceAfter = "rstrip"
            case isNormalized = "normalized"
            case isSpecial = "special"
        }
    }

    /// A step of the way from text to tokens or back.
    private struct Step: Codable {
        var type: String
        var addsPrefixSpace: Bool?
        var trimsOffsets: Bool?
        var usesPattern: Bool?

        enum CodingKeys: String, CodingKey {
            case type
            case addsPrefixSpace = "add_prefix_space"
            case trimsOffsets = "trim_offsets"
            case usesPattern = "use_regex"
        }

        static func byteLevel(addsPrefixSpace: Bool) -> Step {
            Step(type: "ByteLevel", addsPrefixSpace: addsPrefixSpace, trimsOffsets: true, usesPattern: true)
        }
    }

    private var version = "1.0"
    private var addedTokens: [Added]?
    private var normalizer: Step?
    private var splitter: Step?
    private var decoder: Step?
    private var model = Model()

    private enum CodingKeys: String, CodingKey {
        case version, normalizer, decoder, model
        case addedTokens = "added_tokens"
        case splitter = "pre_tokenizer"
    }

    init(_ parts: ByteLevelTokenizer.Parts) {
        model.vocabulary = Dictionary(
            parts.tokens.enumerated().compactMap { number, token in token.map { ($0, Int32(number)) } },
            uniquingKeysWith: { first, _ in first })
        model.merges = parts.merges.map(Merge.init)
        model.unknownToken = parts.unknownToken
        model.ignoresMerges = parts.ignoresMerges
        addedTokens = parts.addedTokens.map {
            Added(
                identifier: $0.identifier, content: $0.content, takesSpaceBefore: $0.takesSpaceBefore,
                takesSpaceAfter: $0.takesSpaceAfter)
        }
        splitter = .byteLevel(addsPrefixSpace: parts.addsPrefixSpace)
        decoder = .byteLevel(addsPrefixSpace: parts.addsPrefixSpace)
    }

    /// What it says, where all of it is supported.
    var parts: ByteLevelTokenizer.Parts {
        get throws {
            try check()
            var parts = ByteLevelTokenizer.Parts()
            var numbers = model.vocabulary
            for added in addedTokens ?? [] { numbers[added.content] = added.identifier }
            parts.tokens = try Self.numbered(numbers, at: nil)
            parts.merges = model.merges.map(\.pair)
            parts.addedTokens = (addedTokens ?? []).map {
                ByteLevelTokenizer.AddedToken(
                    content: $0.content, identifier: $0.identifier, takesSpaceBefore: $0.takesSpaceBefore,
                    takesSpaceAfter: $0.takesSpaceAfter)
            }
            parts.addsPrefixSpace = splitter?.addsPrefixSpace ?? false
            parts.ignoresMerges = model.ignoresMerges ?? false
            parts.unknownToken = model.unknownToken
            return parts
        }
    }

    private func check() throws {
        let reasons: [(isWrong: Bool, text: String)] = [
            (model.type != "BPE", "its model is '\(model.type)', not BPE"),
            (normalizer != nil, "it has the normalizer '\(normalizer?.type ?? "")'"),
            (splitter?.type != "ByteLevel", "it splits by '\(splitter?.type ?? "nothing")', not ByteLevel"),
            (splitter?.usesPattern == false, "it does not split by GPT-2's pattern"),
            (model.subwordPrefix?.isEmpty == false, "it marks the parts of words by a prefix"),
            (model.wordSuffix?.isEmpty == false, "it marks the ends of words by a suffix"),
            (model.byteFallback == true, "it falls back to bytes"),
            ((model.dropout ?? 0) > 0, "it drops merges at random"),
            (
                addedTokens?.contains(where: \.isSingleWord) == true,
                "it has added tokens that are whole words only"
            ),
        ]
        for reason in reasons where reason.isWrong {
            throw LockstepError(
                .badData, "this tokenizer is not a byte-level one of GPT-2's kind: \(reason.text)",
                remedy: "use one of GPT-2's kind, or train one on the data")
        }
    }

    /// Tokens by their number.
    static func numbered(_ numbers: [String: Int32], at location: FileLocation?) throws -> [String?] {
        let limit = 1 << 24
        guard let highest = numbers.values.max(), numbers.values.allSatisfy({ (0..<limit).contains(Int($0)) })
        else {
            throw LockstepError(
                .badData, "the vocabulary is empty, or has a number that is negative or above \(limit)",
                at: location)
        }
        var tokens = [String?](repeating: nil, count: Int(highest) + 1)
        for (token, number) in numbers {
            guard tokens[Int(number)] == nil else {
                throw LockstepError(.badData, "two tokens have the number \(number)", at: location)
            }
            tokens[Int(number)] = token
        }
        return tokens
    }
}
