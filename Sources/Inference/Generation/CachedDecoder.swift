import Diagnostics
import Execution
import Graphs
import NeuralNetworks

/// A language model that reads sequences token by token: keys and values of earlier tokens stay in caches, so that a
/// further token costs one token's work. Logits are those of the whole sequence read at once, up to rounding.
///
/// Many tokens are read in blocks whose lengths are powers of two, each with a program of its own, planned once. One
/// thread uses a decoder at a time.
public final class CachedDecoder {
    /// Sequences that are read side by side.
    public let sampleCount: Int
    /// The most tokens of a sequence.
    public let capacity: Int
    /// Logits a token.
    public let vocabularySize: Int
    /// Tokens of each sequence that the caches hold.
    public private(set) var count = 0

    private let model: any Layer
    private let layout: ParameterLayout
    private let parameters: UnsafePointer<Float>
    private let memory: FieldMemory
    private var programs: [Int: Program] = [:]

    /// The most tokens that are read at a time.
    private static let longestBlock = 128

    /// Prepares a decoder.
    /// - Parameters:
    ///   - model: a model of tokens whose attention is causal, such as ``NeuralNetworks/GPT``.
    ///   - layout: where its parameters lie.
    ///   - parameters: their arena; it has to outlive the decoder.
    ///   - capacity: the most tokens of a sequence, at most the model's context.
    /// - Throws: `LockstepError` naming the layer that cannot decode.
    public init(
        _ model: any Layer, layout: ParameterLayout, parameters: UnsafePointer<Float>, sampleCount: Int = 1,
        capacity: Int
    ) throws {
        guard sampleCount > 0, capacity > 0 else {
            throw LockstepError(
                .usage, "a decoder of \(sampleCount) sequences of \(capacity) tokens",
                remedy: "use at least one of each")
        }
        (self.model, self.layout, self.parameters) = (model, layout, parameters)
        (self.sampleCount, self.capacity) = (sampleCount, capacity)
        let trace = try ModelTrace(
            decoding: model, sampleCount: sampleCount, tokenCount: 1, capacity: capacity)
        vocabularySize = trace.predictions.shape[-1]
        let longest = min(capacity, Self.longestBlock)
        memory = FieldMemory(
            byteCounts: trace.fields.enumerated().map { number, field in
                4 * sampleCount * (number < 2 ? longest : field.sampleShape.elementCount)
            })
        programs[1] = try Program(try Plan(trace, layout: layout))
    }

    /// Forgets all tokens.
    public func forget() { count = 0 }

    /// Reads the next tokens of every sequence.
    /// - Parameter tokens: row-major [sequences, tokens].
    /// - Returns: the logits after each sequence's last token, [sequences, vocabulary]; valid until the next call.
    /// - Throws: `LockstepError` (2) for tokens that do not fit into the caches.
    public func read(_ tokens: [Int32]) throws -> [Float] {
        var logits: [Float] = []
        try read(tokens) { logits = $0.flatMap(Array.init) }
        return logits
    }

    /// The same without a copy: hands the logits after each sequence's last token to `body`.
    public func read(_ tokens: [Int32], _ body: ([UnsafeBufferPointer<Float>]) throws -> Void) throws {
        let new = tokens.count / sampleCount
        guard new > 0, tokens.count == new * sampleCount, count + new <= capacity else {
            throw LockstepError(
                .usage,
                "\(tokens.count) tokens for \(sampleCount) sequences, of which \(count) of at most \(capacity) "
                    + "tokens are read", remedy: "read as many of each, and no more than there is room for")
        }
        var (start, block) = (0, 0)
        while start < new {
            block = Self.blockLength(new - start)
            try read(tokens, block, from: start, of: new)
            start += block
        }
        let predictions = try program(block).predictions
        let row = block * vocabularySize
        try body(
            (0..<sampleCount).map { sample in
                let last = sample * row + row - vocabularySize
                return UnsafeBufferPointer(rebasing: predictions[last..<(last + vocabularySize)])
            })
    }

    /// The greatest power of two that is not more than what is left.
    private static func blockLength(_ left: Int) -> Int {
        var length = 1
        while length * 2 <= min(left, longestBlock) { length *= 2 }
        return length
    }

    private func read(_ tokens: [Int32], _ block: Int, from start: Int, of new: Int) throws {
        let (ids, positions) = (memory.integers(0), memory.integers(1))
        for sample in 0..<sampleCount {
            for place in 0..<block {
                ids[sample * block + place] = tokens[sample * new + start + place]
                positions[sample * block + place] = Int32(count + place)
            }
        }
        let program = try program(block)
        program.bind(
            parameters: parameters, gradients: nil, fields: memory.pointers, seed: 0, step: 0, firstSample: 0)
        try program.run()
        count += block
    }

    private func program(_ block: Int) throws -> Program {
        if let program = programs[block] { return program }
        let trace = try ModelTrace(
            decoding: model, sampleCount: sampleCount, tokenCount: block, capacity: capacity)
        let program = try Program(try Plan(trace, layout: layout))
        programs[block] = program
        return program
    }
}
