import Execution
import Graphs
import NeuralNetworks
import Testing

/// Programs of recurrent models against the float64 reference: loss, predictions and every gradient.
@Suite struct RecurrentProgramTests {
    private func check(
        _ model: any Layer, samples: Int = 5, tokens: Int = 6, label: Shape = [], isTraining: Bool = true
    ) throws -> ProgramCheck {
        try ProgramCheck(
            ModelTrace(
                model, sampleCount: samples, input: .init("x", [tokens], .int32),
                label: .init("y", label, .int32), loss: .softmaxCrossEntropy, isTraining: isTraining),
            idLimit: 3)
    }

    private func model(
        _ kind: RecurrentClassifier.Kind, hiddenSize: Int = 9, layerCount: Int = 1,
        isBidirectional: Bool = false,
        paddingID: Int? = 0, pooling: RecurrentOutput = .last, dropout: Double = 0
    ) -> RecurrentClassifier {
        RecurrentClassifier(
            kind, vocabularySize: 3, width: 5, hiddenSize: hiddenSize, outputs: 3, layerCount: layerCount,
            isBidirectional: isBidirectional, paddingID: paddingID, pooling: pooling, dropout: dropout)
    }

    @Test(arguments: RecurrentClassifier.Kind.allCases, [1, 16, 33])
    func kinds(kind: RecurrentClassifier.Kind, hiddenSize: Int) throws {
        for (paddingID, isTraining) in [(nil, true), (0, true), (0, false)] as [(Int?, Bool)] {
            try check(model(kind, hiddenSize: hiddenSize, paddingID: paddingID), isTraining: isTraining)
                .verify()
        }
    }

    @Test(arguments: RecurrentClassifier.Kind.allCases, [1, 8, 11])
    func stackedAndBidirectional(kind: RecurrentClassifier.Kind, samples: Int) throws {
        for pooling in [RecurrentOutput.last, .mean] {
            let model = model(kind, layerCount: 2, isBidirectional: true, pooling: pooling, dropout: 0.3)
            try check(model, samples: samples).verify("\(pooling)")
            try check(model, samples: samples, tokens: 1).verify("\(pooling) of one token")
        }
    }

    @Test func reluAndOutputsForEveryToken() throws {
        struct Tagger: Layer {
            let embedding = Embedding(3, 5)
            let recurrent = RNN(7, activation: .relu, layerCount: 2, isBidirectional: true, bias: false)
            let head = Dense(3)
            func callAsFunction(_ input: Tensor) throws -> Tensor {
                try head(recurrent(embedding(input)).sum(axis: 1))
            }
        }
        try check(Tagger()).verify()
    }

    @Test func evaluationKeepsNothingForBackward() throws {
        let names = try check(model(.lstm), isTraining: false).plan.plannedSteps.first { $0.name == "lstm" }
        #expect(names?.writes.count == 1)
        let training = try check(model(.lstm)).plan.plannedSteps.first { $0.name == "lstm" }
        #expect(training?.writes.count == 3)
    }

    /// Sequences stored as bfloat16 change gradients by its rounding and no more.
    @Test(.enabled(if: Precision.hasBFloat16), arguments: RecurrentClassifier.Kind.allCases)
    func bfloat16(kind: RecurrentClassifier.Kind) throws {
        // Wide enough for products that are computed in bfloat16.
        let model = model(kind, hiddenSize: 80, layerCount: 2, isBidirectional: true)
        let trace = try ModelTrace(
            model, sampleCount: 9, input: .init("x", [6], .int32), label: .init("y", [], .int32),
            loss: .softmaxCrossEntropy, isTraining: true)
        let layout = ParameterLayout(trace)
        let plan = try Plan(trace, layout: layout, precision: .bfloat16)
        let exact = try gradients(Plan(trace, layout: layout), layout)
        let rounded = try gradients(plan, layout)
        #expect(exact != rounded)
        for segment in layout.segments {
            let range = segment.offset..<(segment.offset + segment.elementCount)
            let scale = exact[range].reduce(0) { max($0, abs($1)) }
            let worst = range.reduce(0) { max($0, abs(exact[$1] - rounded[$1])) }
            #expect(worst < 0.05 * scale, "\(segment.name): off by \(worst) of \(scale)")
        }
    }

    /// The gradients of one run on ids by formula.
    private func gradients(_ plan: Plan, _ layout: ParameterLayout) throws -> [Float] {
        let program = try Program(plan)
        var parameters = [Float](repeating: 0, count: layout.elementCount)
        parameters.withUnsafeMutableBufferPointer { layout.initialize($0.baseAddress!, seed: 5) }
        // Initial values rounded, so that both precisions start from the same.
        let narrow = parameters.map { UInt16(($0.bitPattern + 0x8000) >> 16) }
        parameters = narrow.map { Float(bitPattern: UInt32($0) << 16) }
        var gradients = [Float](repeating: 0, count: layout.elementCount)
        let labels: [Int32] = (0..<16).map { Int32($0 % 3) }
        var fields = [sampleIDs(), labels].map { words in
            let memory = UnsafeMutablePointer<Int32>.allocate(capacity: words.count)
            memory.initialize(from: words, count: words.count)
            return UnsafeMutableRawPointer(memory)
        }
        defer { fields.forEach { $0.deallocate() } }
        try parameters.withUnsafeBufferPointer { parameters in
            try narrow.withUnsafeBufferPointer { narrow in
                try gradients.withUnsafeMutableBufferPointer { gradients in
                    fields.withUnsafeMutableBufferPointer { fields in
                        program.bind(
                            parameters: parameters.baseAddress!, gradients: gradients.baseAddress,
                            narrowParameters: narrow.baseAddress, fields: fields.baseAddress!, seed: 1,
                            step: 1, firstSample: 0)
                    }
                    try program.run()
                }
            }
        }
        return gradients
    }

    /// Nine samples of six tokens: sample s keeps 6 − s / 2 of them, but for the last, which has none at all.
    private func sampleIDs() -> [Int32] {
        var ids: [Int32] = []
        for sample in 0..<9 {
            let length = sample == 8 ? 0 : 6 - sample / 2
            for token in 0..<6 { ids.append(token < length ? Int32(1 + (token + sample) % 2) : 0) }
        }
        return ids
    }
}
