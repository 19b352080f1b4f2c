import DataPipeline
import Diagnostics

/// How a text goes on.
public struct GenerationOptions: Sendable {
    /// Chooses tokens.
    public var sampler: TokenSampler
    /// The most tokens to add.
    public var maximumTokens: Int
    /// Texts before which the text ends.
    public var stops: [String]
    /// Tokens before which the text ends.
    public var endTokens: Set<Int32>

    /// Creates options.
    public init(
        sampler: TokenSampler, maximumTokens: Int = 200, stops: [String] = [], endTokens: Set<Int32> = []
    ) {
        (self.sampler, self.maximumTokens) = (sampler, maximumTokens)
        (self.stops, self.endTokens) = (stops, endTokens)
    }
}

/// A text that a model wrote.
public struct GeneratedText: Sendable, Equatable {
    /// Why it ends.
    public enum End: String, Sendable, Equatable {
        /// As many tokens as asked for.
        case length
        /// A text or token that ends it.
        case stop
    }

    /// The text after the prompt.
    public var text: String
    /// Tokens of the prompt.
    public var promptTokens: Int
    /// Tokens that were chosen.
    public var tokens: Int
    /// Why it ends.
    public var end: End
}

/// Lets a language model go on with a text.
///
/// A model sees its context and no more. When the context is full, its older half is forgotten and the newer half read
/// again from the first position on: positions are counted from the start of what a model sees, so all keys and values change
/// with it. That is one token's extra work for each token on average, where dropping the oldest token each time would
/// read the whole context again for each. The model sees between half and all of its context.
public final class TextGenerator {
    private let decoder: CachedDecoder
    private let tokenizer: any TextTokenizer

    /// Creates a generator.
    /// - Parameter decoder: of one sequence.
    public init(_ decoder: CachedDecoder, tokenizer: any TextTokenizer) {
        (self.decoder, self.tokenizer) = (decoder, tokenizer)
    }

    /// Goes on with a prompt; of one longer than the context, the end is read.
    /// - Parameter write: is handed the text as it comes, whole characters at a time.
    /// - Throws: `LockstepError` (2) for an empty prompt; 65 for one that the tokenizer refuses; what `write` throws.
    public func generate(
        _ prompt: String, _ options: GenerationOptions, write: (String) throws -> Void = { _ in }
    ) throws -> GeneratedText {
        let start = try tokenizer.encode(prompt)
        var result = GeneratedText(text: "", promptTokens: start.count, tokens: 0, end: .length)
        var stream = TextStream(tokenizer, stops: options.stops)
        func put(_ text: String) throws {
            guard !text.isEmpty else { return }
            result.text += text
            try write(text)
        }
        try forEachToken(after: start, options.sampler, count: options.maximumTokens) { token in
            result.tokens += 1
            if options.endTokens.contains(token) {
                result.end = .stop
                return false
            }
            let (text, isStopped) = stream.add(token)
            try put(text)
            if isStopped { result.end = .stop }
            return !isStopped
        }
        if result.end == .length { try put(stream.finish()) }
        return result
    }

    /// Hands each new token to `body` until it says false.
    /// - Throws: `LockstepError` (2) where there is no token to begin with.
    public func forEachToken(
        after start: [Int32], _ sampler: TokenSampler, count: Int, _ body: (Int32) throws -> Bool
    ) throws {
        guard !start.isEmpty else {
            throw LockstepError(
                .usage, "there is no token to begin with", remedy: "give a prompt of at least one character")
        }
        let (capacity, vocabularySize) = (decoder.capacity, decoder.vocabularySize)
        guard start.allSatisfy({ (0..<vocabularySize).contains(Int($0)) }) else {
            throw LockstepError(
                .mismatch, "the prompt has tokens that the model of \(vocabularySize) does not know",
                remedy: "use the tokenizer that the model was trained with")
        }
        var window = Array(start.suffix(capacity))
        var next: Int32 = 0
        decoder.forget()
        var unread = window
        for number in 0..<max(0, count) {
            try decoder.read(unread) { next = sampler.token($0[0], number: number) }
            guard try body(next) else { return }
            window.append(next)
            unread = [next]
            if window.count > capacity {
                window = Array(window.suffix(max(1, capacity / 2)))
                unread = window
                decoder.forget()
            }
        }
    }
}
