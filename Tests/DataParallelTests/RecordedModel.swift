import Collectives
import DataParallel
import Execution
import Graphs
import NeuralNetworks

/// What Recording/record_models.py wrote.
struct RecordedModels: Decodable {
    let cases: [RecordedModel]
    let counts: [String: Int]
}

/// A namesake's numbers.
struct RecordedModel: Decodable, Sendable {
    let name: String
    let samples: Int
    let inputs: [RecordedField]
    let label: RecordedField
    let loss: Loss
    let rate: Double
    /// The tensors of the namesake's checkpoint, by name with their shapes.
    let tensors: [String: [Int]]
    let logits: [Double]
    /// Of each parameter's gradient the sum weighted by hashed numbers, the length and four elements.
    let gradients: [String: [Double]]
    let losses: [Double]
    /// The losses where products and convolutions compute in bfloat16.
    let narrowLosses: [Double]
    /// The first numbers of the running statistics after the last step.
    let buffers: [String: [Double]]

    private enum CodingKeys: String, CodingKey {
        case name, samples, inputs, label, loss, rate, tensors, logits, gradients, losses,
            narrowLosses, buffers
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        samples = try values.decode(Int.self, forKey: .samples)
        inputs = try values.decode([RecordedField].self, forKey: .inputs)
        label = try values.decode(RecordedField.self, forKey: .label)
        loss = Loss(rawValue: try values.decode(String.self, forKey: .loss)) ?? .softmaxCrossEntropy
        rate = try values.decode(Double.self, forKey: .rate)
        tensors = try values.decode([String: [Int]].self, forKey: .tensors)
        logits = try values.decode([Double].self, forKey: .logits)
        gradients = try values.decode([String: [Double]].self, forKey: .gradients)
        losses = try values.decode([Double].self, forKey: .losses)
        narrowLosses = try values.decode([Double].self, forKey: .narrowLosses)
        buffers = try values.decode([String: [Double]].self, forKey: .buffers)
    }
}

/// A model under test, with weights and batches of the scripts.
struct ModelBench: Sendable {
    let recorded: RecordedModel
    let make: @Sendable () throws -> any Layer

    func trace(_ samples: Int, isTraining: Bool = true) throws -> ModelTrace {
        try ModelTrace(
            make(), sampleCount: samples,
            inputs: recorded.inputs.enumerated().map { $0.element.traced("input\($0.offset)") },
            label: recorded.label.traced("label"), loss: recorded.loss,
            lossOptions: LossOptions(
                ignoredLabel: recorded.label.ignored.map { _ in Int(RecordedField.ignoredLabel) }),
            isTraining: isTraining)
    }

    /// What the namesake's checkpoint holds at first, and an optimizer without memories.
    func initialState(_ layout: ParameterLayout) -> TrainedState {
        var state = TrainedState()
        for (name, shape) in recorded.tensors {
            state.parameters[name] = StoredTensor(shape: shape, values: HashedNumbers.weight(name, shape))
        }
        for segment in layout.segments {
            let zeros = StoredTensor(
                shape: segment.storedShape, values: Array(repeating: 0, count: segment.elementCount))
            for name in Adam().stateNames { state.optimizer["\(segment.name).\(name)"] = zeros }
        }
        return state
    }

    /// Logits and gradients, in the checkpoint's layout, of one run of the program on the first batch.
    func evaluate(precision: Precision = .float32) throws -> (
        logits: [Float], gradients: [String: [Float]]
    ) {
        let trace = try trace(recorded.samples)
        let layout = ParameterLayout(trace)
        let program = try Program(try Plan(trace, layout: layout, precision: precision))
        var parameters = [Float](repeating: 0, count: layout.elementCount)
        var gradients = parameters
        try parameters.withUnsafeMutableBufferPointer {
            try initialState(layout).restoreParameters(into: $0.baseAddress!, layout: layout)
        }
        let narrow = parameters.map { UInt16(($0.bitPattern + 0x7fff + ($0.bitPattern >> 16 & 1)) >> 16) }
        let source = HashedBatches(recorded)
        let batch = source.next(step: 0, shard: 0)
        try gradients.withUnsafeMutableBufferPointer { gradients in
            try narrow.withUnsafeBufferPointer { narrow in
                try parameters.withUnsafeBufferPointer { parameters in
                    program.bind(
                        parameters: parameters.baseAddress!, gradients: gradients.baseAddress,
                        narrowParameters: narrow.baseAddress, fields: batch.fields, seed: 0, step: 0,
                        firstSample: 0)
                    try withExtendedLifetime(source) { try program.run() }
                }
            }
        }
        var exported: [String: [Float]] = [:]
        gradients.withUnsafeBufferPointer { gradients in
            for segment in layout.segments {
                exported[segment.name] = layout.export(segment, from: gradients.baseAddress!)
            }
        }
        return (Array(program.predictions), exported)
    }

    /// The mean losses of so many steps of Adam, and what the checkpoint then holds.
    func train(steps: Int, precision: Precision = .float32) throws -> (losses: [Double], state: TrainedState)
    {
        let communicator = SoloCommunicator()
        let map = try LaneMap(communicator.topology, lanesPerReplica: 1, logicalShards: 1)
        let bench = self
        var configuration = ReplicaConfiguration(
            update: UpdateOptions(Adam(rate: recorded.rate)), seed: 0, trace: { try bench.trace($0) },
            makeSource: { _, _ in HashedBatches(bench.recorded) })
        configuration.precision = precision
        let shared = try ReplicaShared(configuration, communicator: communicator, map: map)
        try shared.initialize(isResumed: true, from: initialState(shared.layout))
        let replica = try Replica(shared)
        defer { replica.stop() }
        var losses: [Double] = []
        try replica.run(until: steps) { losses.append($0.loss) }
        return (losses, shared.snapshot().exported())
    }
}

/// The scripts' batches, each as one shard.
final class HashedBatches: MicroBatchSource {
    private let recorded: RecordedModel
    private var memories: [UnsafeMutablePointer<UInt32>] = []
    private let fields: UnsafeMutablePointer<UnsafeMutableRawPointer>

    init(_ recorded: RecordedModel) {
        self.recorded = recorded
        fields = .allocate(capacity: recorded.inputs.count + 1)
    }

    deinit {
        for memory in memories { memory.deallocate() }
        fields.deallocate()
    }

    func next(step: Int, shard: Int) -> MicroBatchView {
        for memory in memories { memory.deallocate() }
        let named = recorded.inputs.enumerated().map { ("input\($0.offset)", $0.element) }
        memories = (named + [("label", recorded.label)]).enumerated().map { place, field in
            let words = field.1.words(field.0, step: step, samples: recorded.samples)
            let memory = UnsafeMutablePointer<UInt32>.allocate(capacity: max(16, words.count))
            memory.update(from: words, count: words.count)
            (fields + place).initialize(to: UnsafeMutableRawPointer(memory))
            return memory
        }
        return MicroBatchView(fields: fields, sampleCount: recorded.samples, firstPosition: 0)
    }
}
