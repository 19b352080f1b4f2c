import Diagnostics
import Execution
import Graphs
import NeuralNetworks

/// Translates sentences of tokens by beam search, several at a time, with cached keys and values: the encoder runs once,
/// and a step of the decoder costs one token for each beam.
public final class TokenTranslator {
    /// The tokens that frame and fill sentences.
    public struct Tokens: Sendable, Equatable {
        /// Begins what the decoder reads.
        public var begin: Int32
        /// Ends a sentence, of either language.
        public var end: Int32
        /// Fills short sentences up.
        public var padding: Int32

        /// Describes the tokens.
        public init(begin: Int32, end: Int32, padding: Int32) {
            (self.begin, self.end, self.padding) = (begin, end, padding)
        }
    }

    private let model: EncoderDecoderTransformer
    private let layout: ParameterLayout
    private let parameters: UnsafePointer<Float>
    private let tokens: Tokens
    private let batchSize: Int
    private var batches: [[Int]: TranslationBatch] = [:]

    /// Sentences are filled up to a multiple of so many tokens, so that few programs are planned.
    private static let lengthStep = 8

    /// Prepares translations.
    /// - Parameters:
    ///   - layout: where the model's parameters lie.
    ///   - parameters: their arena; it has to outlive the translator.
    ///   - batchSize: sentences at a time.
    public init(
        _ model: EncoderDecoderTransformer, layout: ParameterLayout, parameters: UnsafePointer<Float>,
        tokens: Tokens, batchSize: Int = 32
    ) {
        (self.model, self.layout, self.parameters) = (model, layout, parameters)
        (self.tokens, self.batchSize) = (tokens, max(1, batchSize))
    }

    /// Translates sentences.
    /// - Parameters:
    ///   - sources: tokens of each, without the one that ends it.
    ///   - maximumLength: the most tokens of a translation, its end counted; unless told otherwise, twice as many as the
    ///     longest source of the batch has, and ten.
    /// - Returns: the best hypotheses of each, in the order of the sources; an empty source has the empty translation.
    /// - Throws: `LockstepError` (65) for tokens that the model does not know.
    public func translate(_ sources: [[Int32]], _ search: BeamSearch, maximumLength: Int? = nil) throws
        -> [[Hypothesis]]
    {
        let known = 0..<Int32(model.configuration.vocabularySize)
        guard sources.allSatisfy({ $0.allSatisfy(known.contains) }) else {
            throw LockstepError(
                .badData, "a sentence has a token that the model does not know",
                remedy: "use the tokenizer that the model was trained with")
        }
        let nothing = [Hypothesis(tokens: [], logProbability: 0, score: 0)]
        var results = [[Hypothesis]](repeating: nothing, count: sources.count)
        let order = sources.indices.filter { !sources[$0].isEmpty }
            .sorted { (sources[$0].count, $0) < (sources[$1].count, $1) }
        for start in stride(from: 0, to: order.count, by: batchSize) {
            let members = order[start..<min(order.count, start + batchSize)]
            let found = try batch(members.map { sources[$0] }, search, maximumLength)
            for (index, hypotheses) in zip(members, found) { results[index] = hypotheses }
        }
        return results
    }

    private func batch(_ sources: [[Int32]], _ search: BeamSearch, _ maximumLength: Int?) throws
        -> [[Hypothesis]]
    {
        let longest = (sources.map(\.count).max() ?? 0) + 1
        let length = (longest + Self.lengthStep - 1) / Self.lengthStep * Self.lengthStep
        let limit = maximumLength ?? 2 * length + 10
        let shape = [sources.count, search.beams, length, limit]
        let batch =
            try batches[shape]
            ?? TranslationBatch(
                model, layout, parameters, sentences: sources.count, beams: search.beams,
                sourceLength: length, capacity: limit)
        batches[shape] = batch
        return try batch.translate(sources, search, tokens, limit: limit)
    }
}

/// Programs and memory for translations of one shape.
private final class TranslationBatch {
    private let parameters: UnsafePointer<Float>
    private let encoder: Program
    private let decoder: Program
    private let source: FieldMemory
    private let memory: FieldMemory
    /// The fields of the decoder that hold caches, with the numbers of a row.
    private let caches: [(field: Int, row: Int)]
    /// The fields that hold the sentences' keys and values.
    private let kept: [Int]
    private let shape: (sentences: Int, beams: Int, sourceLength: Int, capacity: Int)
    /// Where caches are put together in a new order.
    private var spare: UnsafeMutableRawPointer
    private var count = 0

    init(
        _ model: EncoderDecoderTransformer, _ layout: ParameterLayout, _ parameters: UnsafePointer<Float>,
        sentences: Int, beams: Int, sourceLength: Int, capacity: Int
    ) throws {
        self.parameters = parameters
        shape = (sentences, beams, sourceLength, capacity)
        let encoding = try ModelTrace(encoding: model, sentences: sentences, tokenCount: sourceLength)
        let decoding = try ModelTrace(
            decoding: model, sentences: sentences, beams: beams, sourceLength: sourceLength,
            capacity: capacity)
        encoder = try Program(try Plan(encoding, layout: layout))
        decoder = try Program(try Plan(decoding, layout: layout))
        let rows = decoding.fields.map { field in
            field.name == "source" || field.name.hasPrefix("memory") ? sentences : sentences * beams
        }
        let byteCounts = zip(decoding.fields, rows).map { 4 * $0.sampleShape.elementCount * $1 }
        source = FieldMemory(byteCounts: [4 * sentences * sourceLength])
        memory = FieldMemory(byteCounts: byteCounts)
        caches = decoding.fields.enumerated().filter { $1.name.hasPrefix("cache") }
            .map { ($0, $1.sampleShape.elementCount) }
        kept = decoding.fields.indices.filter { decoding.fields[$0].name.hasPrefix("memory") }
        let largest = caches.map { byteCounts[$0.field] }.max() ?? 0
        spare = .allocate(byteCount: max(64, largest), alignment: 64)
    }

    deinit { spare.deallocate() }

    func translate(
        _ sources: [[Int32]], _ search: BeamSearch, _ tokens: TokenTranslator.Tokens, limit: Int
    ) throws -> [[Hypothesis]] {
        try encode(sources, tokens)
        count = 0
        return try search.run(
            begin: tokens.begin, end: tokens.end, limits: sources.map { _ in limit }
        ) { parents, newest in
            reorder(parents)
            for (row, token) in newest.enumerated() {
                memory.integers(0)[row] = token
                memory.integers(1)[row] = Int32(count)
            }
            try run(decoder, memory)
            count += 1
            return decoder.predictions
        }
    }

    private func run(_ program: Program, _ memory: FieldMemory) throws {
        program.bind(
            parameters: parameters, gradients: nil, fields: memory.pointers, seed: 0, step: 0, firstSample: 0)
        try program.run()
    }

    /// Keeps the keys and values of the sentences.
    private func encode(_ sources: [[Int32]], _ tokens: TokenTranslator.Tokens) throws {
        for (row, sentence) in sources.enumerated() {
            let filling = [Int32](
                repeating: tokens.padding, count: shape.sourceLength - sentence.count - 1)
            for (column, token) in (sentence + [tokens.end] + filling).enumerated() {
                source.integers(0)[row * shape.sourceLength + column] = token
                memory.integers(2)[row * shape.sourceLength + column] = token
            }
        }
        try run(encoder, source)
        let all = encoder.predictions
        let part = all.count / max(1, kept.count)
        for (block, field) in kept.enumerated() {
            memory.floats(field).update(from: all.baseAddress! + block * part, count: part)
        }
    }

    /// Gives every row the cache of the row that it goes on with.
    private func reorder(_ parents: [Int]) {
        guard count > 0, parents.enumerated().contains(where: { $0 != $1 }) else { return }
        for (field, row) in caches {
            let used = row / shape.capacity * count
            let (from, to) = (memory.floats(field), spare.assumingMemoryBound(to: Float.self))
            for (index, parent) in parents.enumerated() {
                (to + index * row).update(from: from + parent * row, count: used)
            }
            memory.swap(field, with: &spare)
        }
    }
}
