import Execution
import Graphs
import NeuralNetworks
import Testing

/// Numbers for tests: a pure function of the seed.
struct TestNumbers {
    private let stream: RandomStream
    private var next = 0

    init(_ seed: Int) { stream = RandomStream(seed: UInt64(seed), purpose: 98) }

    mutating func word() -> Int {
        next += 1
        return Int(stream.word(next))
    }

    mutating func float() -> Float {
        next += 1
        return stream.uniform(next) * 3 - 1.5
    }
}

/// Runs a plan with arenas of its own and compares everything with the float64 reference of the graph.
final class ProgramCheck {
    let trace: ModelTrace
    let layout: ParameterLayout
    let plan: Plan
    let program: Program
    private(set) var parameters: [Float]
    private(set) var gradients: [Float]
    private var fields: [[Int32]] = []
    private let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>
    var context = ReferenceContext(seed: 11, step: 4, firstSample: 7)

    /// - Parameter idLimit: integer fields are filled with ids below it.
    init(_ trace: ModelTrace, idLimit: Int = 2, seed: Int = 1, precision: Precision = .float32) throws {
        self.trace = trace
        let layout = ParameterLayout(trace)
        self.layout = layout
        plan = try Plan(trace, layout: layout, precision: precision)
        program = try Program(plan)
        var initial = [Float](repeating: 0, count: layout.elementCount)
        initial.withUnsafeMutableBufferPointer { layout.initialize($0.baseAddress!, seed: 5) }
        parameters = initial
        gradients = [Float](repeating: 0, count: layout.elementCount)
        var numbers = TestNumbers(seed)
        // Biases start at zero; here they count too.
        for segment in layout.segments where !segment.isRegularized {
            for index in 0..<segment.elementCount { parameters[segment.offset + index] = numbers.float() }
        }
        // State that follows statistics: positive, as variances are.
        for segment in layout.buffers {
            for index in 0..<segment.elementCount {
                parameters[segment.offset + index] = numbers.float() + 2
            }
        }
        pointers = .allocate(capacity: max(1, trace.fields.count))
        for (number, field) in trace.fields.enumerated() {
            let count = trace.sampleCount * field.sampleShape.elementCount
            var words: [Int32] = []
            for _ in 0..<count {
                let isInteger = field.element == .int32
                words.append(
                    isInteger
                        ? Int32(numbers.word() % idLimit) : Int32(bitPattern: numbers.float().bitPattern))
            }
            let memory = UnsafeMutablePointer<Int32>.allocate(capacity: max(16, count))
            memory.update(from: words, count: count)
            fields.append(words)
            (pointers + number).initialize(to: UnsafeMutableRawPointer(memory))
        }
    }

    deinit {
        for number in fields.indices { pointers[number].deallocate() }
        pointers.deallocate()
    }

    /// Replaces a number of a float field.
    func set(field: Int, _ index: Int, to value: Float) {
        fields[field][index] = Int32(bitPattern: value.bitPattern)
        pointers[field].storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
    }

    /// The numbers of an integer field.
    func integers(field: Int) -> [Int32] { fields[field] }

    /// Runs the program once; `reached` sees the gradients at each stop.
    func run(
        stoppingAfter stops: [Int], _ reached: (Int, UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        // Where nothing is written yet, it shows.
        for index in gradients.indices { gradients[index] = .nan }
        for segment in layout.segments {
            for index in (segment.offset + segment.elementCount)..<segment.end { gradients[index] = 0 }
        }
        try parameters.withUnsafeMutableBufferPointer { parameters in
            try gradients.withUnsafeMutableBufferPointer { gradients in
                program.bind(
                    parameters: UnsafePointer(parameters.baseAddress!), gradients: gradients.baseAddress,
                    fields: pointers, seed: context.seed, step: context.step, firstSample: context.firstSample
                )
                try program.run(stoppingAfter: stops) { try reached($0, gradients) }
            }
        }
    }

    /// Runs the program so many times; the arenas must stay where they are meanwhile.
    func run(_ count: Int = 1, around body: (() throws -> Void) throws -> Void = { try $0() }) throws {
        let narrow = parameters.map(Self.rounded)
        try parameters.withUnsafeMutableBufferPointer { parameters in
            try gradients.withUnsafeMutableBufferPointer { gradients in
                try narrow.withUnsafeBufferPointer { narrow in
                    program.bind(
                        parameters: UnsafePointer(parameters.baseAddress!), gradients: gradients.baseAddress,
                        narrowParameters: narrow.baseAddress, fields: pointers, seed: context.seed,
                        step: context.step, firstSample: context.firstSample
                    )
                    try body { for _ in 0..<count { try program.run() } }
                }
            }
        }
    }

    /// The nearest bfloat16, ties to even.
    private static func rounded(_ value: Float) -> UInt16 {
        UInt16((value.bitPattern + 0x7fff + (value.bitPattern >> 16 & 1)) >> 16)
    }

    /// Fills the places of the gradients, but not the padding, with rubbish, so that a step that adds is seen.
    func spoilGradients() {
        for segment in layout.allSegments {
            for index in 0..<segment.elementCount { gradients[segment.offset + index] = 1e6 }
        }
    }

    func gradient(_ segment: ParameterLayout.Segment) -> [Float] {
        Array(gradients[segment.offset..<(segment.offset + segment.elementCount)])
    }

    /// Loss, predictions and gradients against float64, and zeros in the padding.
    func verify(
        tolerance: Double = 1e-4, location: SourceLocation = #_sourceLocation, _ comment: String = ""
    ) throws {
        spoilGradients()
        try run(2)
        let (loss, graph) = (trace.loss.map { [$0] } ?? [], trace.graph)
        let wanted = [trace.predictions] + loss + trace.gradients.compactMap { $0 }
        let statistics = trace.isTraining ? graph.buffers.compactMap(\.statistic) : []
        var values = graph.evaluate(
            wanted + statistics.map { Tensor(graph: graph, node: $0) }, inputs: referenceFields(),
            parameters: reference(layout.segments), buffers: reference(layout.buffers), context: context)
        compare(
            Array(program.predictions), values.removeFirst(), tolerance, "predictions \(comment)", location)
        if trace.loss != nil {
            compare([program.lossSum], values.removeFirst(), tolerance, "loss \(comment)", location)
        }
        for (ordinal, gradient) in trace.gradients.enumerated() {
            let segment = layout.segment(ordinal: ordinal)
            let expected =
                gradient == nil ? ReferenceArray(segment.shape, repeating: 0) : values.removeFirst()
            compare(self.gradient(segment), expected, tolerance, "\(segment.name) \(comment)", location)
        }
        for segment in layout.buffers where trace.isTraining {
            let weighted = values.removeFirst().map { $0 * Double(trace.lossTermCount) }
            compare(gradient(segment), weighted, tolerance, "\(segment.name) \(comment)", location)
        }
        checkPadding(location)
    }

    private func checkPadding(_ location: SourceLocation) {
        var isPadding = [Bool](repeating: true, count: layout.elementCount)
        for segment in layout.allSegments {
            for index in segment.offset..<(segment.offset + segment.elementCount) { isPadding[index] = false }
        }
        let clean = isPadding.indices.allSatisfy { index in
            !isPadding[index] || (gradients[index].bitPattern == 0 && parameters[index].bitPattern == 0)
        }
        #expect(clean, "padding", sourceLocation: location)
    }

    private func compare(
        _ values: [Float], _ expected: ReferenceArray, _ tolerance: Double, _ what: String,
        _ location: SourceLocation
    ) {
        #expect(values.count == expected.values.count, "\(what)", sourceLocation: location)
        let scale = expected.values.reduce(1e-3) { max($0, abs($1)) }
        let worst = zip(values, expected.values).reduce(0.0) { worst, pair in
            let difference = abs(Double(pair.0) - pair.1)
            return difference <= worst ? worst : difference
        }
        #expect(worst <= tolerance * scale, "\(what): off by \(worst) of \(scale)", sourceLocation: location)
        #expect(values.allSatisfy { $0.isFinite }, "\(what)", sourceLocation: location)
    }

    private func referenceFields() -> [String: ReferenceArray] {
        var result: [String: ReferenceArray] = [:]
        for (field, words) in zip(trace.fields, fields) {
            let shape = Shape([trace.sampleCount] + field.sampleShape.dimensions)
            result[field.name] = ReferenceArray(
                shape,
                words.map {
                    field.element == .int32 ? Double($0) : Double(Float(bitPattern: UInt32(bitPattern: $0)))
                })
        }
        return result
    }

    private func reference(_ segments: [ParameterLayout.Segment]) -> [ReferenceArray] {
        segments.sorted { $0.ordinal < $1.ordinal }.map { segment in
            let values = parameters[segment.offset..<(segment.offset + segment.elementCount)]
            return ReferenceArray(segment.shape, values.map(Double.init))
        }
    }
}
