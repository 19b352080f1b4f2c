import Execution
import Graphs
import NeuralNetworks

/// A model with random parameters, and its plain forward pass over whole sequences.
final class TestModel {
    let model: any Layer
    let layout: ParameterLayout
    let parameters: UnsafeMutablePointer<Float>

    /// - Parameter inputs: the fields that the model is called with.
    init(_ model: any Layer, inputs: [ModelTrace.Field], seed: UInt64 = 3) throws {
        self.model = model
        layout = ParameterLayout(
            try ModelTrace(model, sampleCount: 1, inputs: inputs, isTraining: false))
        parameters = .allocate(capacity: layout.elementCount)
        parameters.initialize(repeating: 0, count: layout.elementCount)
        layout.initialize(parameters, seed: seed)
        // Biases and small weights count too: the differences between tokens have to be seen.
        let stream = RandomStream(seed: seed, purpose: 77)
        for segment in layout.segments {
            for index in 0..<segment.elementCount {
                parameters[segment.offset + index] += stream.uniform(segment.offset + index) * 0.4 - 0.2
            }
        }
    }

    deinit { parameters.deallocate() }

    /// The predictions for rows of tokens, a list of rows for each input, without a cache.
    func forward(_ inputs: [[[Int32]]]) throws -> [Float] {
        let fields = inputs.enumerated().map { ModelTrace.Field("input\($0)", [$1[0].count], .int32) }
        let trace = try ModelTrace(model, sampleCount: inputs[0].count, inputs: fields, isTraining: false)
        let program = try Program(try Plan(trace, layout: layout))
        var rows = inputs.map { $0.flatMap { $0 } }
        var pointers: [UnsafeMutableRawPointer] = []
        for index in rows.indices {
            pointers.append(
                rows[index].withUnsafeMutableBytes { bytes in
                    let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 64)
                    copy.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
                    return copy
                })
        }
        defer { for pointer in pointers { pointer.deallocate() } }
        return try pointers.withUnsafeBufferPointer {
            program.bind(
                parameters: parameters, gradients: nil, fields: $0.baseAddress!, seed: 0, step: 0,
                firstSample: 0)
            try program.run()
            return Array(program.predictions)
        }
    }
}

/// The greatest difference of two lists of one length.
func distance(_ one: [Float], _ other: [Float]) -> Float {
    one.count == other.count ? zip(one, other).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
}
