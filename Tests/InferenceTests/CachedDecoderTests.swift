import DataPipeline
import Diagnostics
import Graphs
import Inference
import NeuralNetworks
import Testing

/// Decoding with cached keys and values gives what reading the whole sequence gives.
@Suite struct CachedDecoderTests {
    private let field = ModelTrace.Field("tokens", [8], .int32)

    private func gpt(context: Int = 24, layers: Int = 3) throws -> TestModel {
        try TestModel(
            GPT(.init(vocabularySize: 29, context: context, layers: layers, width: 48, heads: 3)),
            inputs: [field])
    }

    private func tokens(_ count: Int, seed: UInt64 = 1, below limit: UInt32 = 29) -> [Int32] {
        let stream = RandomStream(seed: seed, purpose: 5)
        return (0..<count).map { Int32(stream.word($0) % limit) }
    }

    private func expectSameLogits(_ model: TestModel, samples: Int, blocks: [Int], capacity: Int) throws {
        let decoder = try CachedDecoder(
            model.model, layout: model.layout, parameters: model.parameters, sampleCount: samples,
            capacity: capacity)
        let rows = (0..<samples).map { tokens(blocks.reduce(0, +), seed: UInt64($0)) }
        let all = try model.forward([rows])
        var read = 0
        for block in blocks {
            let new = rows.flatMap { Array($0[read..<(read + block)]) }
            read += block
            let logits = try decoder.read(new)
            let expected = (0..<samples).flatMap { sample -> [Float] in
                let end = (sample * rows[0].count + read) * decoder.vocabularySize
                return Array(all[(end - decoder.vocabularySize)..<end])
            }
            #expect(distance(logits, expected) < 1e-5, "after \(read) tokens")
        }
        #expect(decoder.count == read)
    }

    @Test func logitsOfGPT() throws {
        let model = try gpt()
        try expectSameLogits(model, samples: 1, blocks: [7, 1, 1, 4, 1, 10], capacity: 24)
        try expectSameLogits(model, samples: 3, blocks: [5, 1, 2, 1], capacity: 12)
    }

    @Test func logitsOfLlama() throws {
        let model = try TestModel(
            Llama(
                .init(vocabularySize: 29, layers: 2, width: 32, heads: 4, keyValueHeads: 2, hidden: 40)),
            inputs: [field])
        try expectSameLogits(model, samples: 2, blocks: [6, 1, 1, 3], capacity: 16)
    }

    @Test func forgettingStartsAnew() throws {
        let model = try gpt()
        let decoder = try CachedDecoder(
            model.model, layout: model.layout, parameters: model.parameters, capacity: 24)
        let first = try decoder.read(tokens(9))
        _ = try decoder.read(tokens(5, seed: 2))
        decoder.forget()
        #expect(try decoder.read(tokens(9)) == first)
    }

    @Test func refusals() throws {
        let model = try gpt()
        let decoder = try CachedDecoder(
            model.model, layout: model.layout, parameters: model.parameters, capacity: 8)
        #expect(throws: LockstepError.self) { try decoder.read(tokens(9)) }
        #expect(throws: LockstepError.self) { try decoder.read([]) }
        #expect(decoder.count == 0)
        for capacity in [0, 25] {
            #expect(throws: LockstepError.self) {
                try CachedDecoder(
                    model.model, layout: model.layout, parameters: model.parameters, capacity: capacity)
            }
        }
        let bert = try TestModel(
            MaskedLanguageModel(.init(vocabularySize: 29, context: 8, layers: 1, width: 16, heads: 2)),
            inputs: [field])
        let error = #expect(throws: LockstepError.self) {
            try CachedDecoder(bert.model, layout: bert.layout, parameters: bert.parameters, capacity: 8)
        }
        #expect(error?.message.contains("later tokens") ?? false)
    }

    /// The likeliest token again and again, each time from the whole window, read plainly.
    @Test func greedyTextAcrossFullWindows() throws {
        let (model, context) = (try gpt(), 24)
        let decoder = try CachedDecoder(
            model.model, layout: model.layout, parameters: model.parameters, capacity: context)
        let tokenizer = try CharacterTokenizer(characters: "abcdefghijklmnopqrstuvwxyz .,")
        let sampler = try TokenSampler(temperature: 0)
        let generator = TextGenerator(decoder, tokenizer: tokenizer)
        var streamed = ""
        let made = try generator.generate(
            "hello there", GenerationOptions(sampler: sampler, maximumTokens: 40)
        ) { streamed += $0 }
        var window = try tokenizer.encode("hello there")
        var expected: [Int32] = []
        for _ in 0..<40 {
            if window.count > context { window = Array(window.suffix(context / 2)) }
            let logits = try model.forward([[window]]).suffix(29)
            let best = logits.enumerated().max { $0.element < $1.element }.map { Int32($0.offset) } ?? 0
            expected.append(best)
            window.append(best)
        }
        #expect(made.text == tokenizer.decode(expected) && streamed == made.text)
        #expect(made.tokens == 40 && made.promptTokens == 11 && made.end == .length)
    }

    @Test func longPromptsAndStops() throws {
        let model = try gpt()
        let decoder = try CachedDecoder(
            model.model, layout: model.layout, parameters: model.parameters, capacity: 24)
        let tokenizer = try CharacterTokenizer(characters: "abcdefghijklmnopqrstuvwxyz .,")
        let generator = TextGenerator(decoder, tokenizer: tokenizer)
        var options = GenerationOptions(
            sampler: try TokenSampler(temperature: 1, topK: 20, topP: 0.95, seed: 4), maximumTokens: 60)
        let prompt = String(repeating: "to be or not to be, ", count: 3)
        let whole = try generator.generate(prompt, options)
        #expect(try generator.generate(prompt, options) == whole)
        // The end of a prompt is all that fits.
        #expect(try generator.generate(String(prompt.suffix(24)), options).text == whole.text)
        let stop = String(whole.text.dropFirst(20).prefix(3))
        options.stops = ["@", stop]
        let cut = try generator.generate(prompt, options)
        let place = try #require(whole.text.range(of: stop))
        #expect(cut.text == String(whole.text[..<place.lowerBound]) && cut.end == .stop)
        #expect(throws: LockstepError.self) { try generator.generate("", options) }
        #expect(throws: LockstepError.self) { try generator.generate("ß", options) }
    }
}
