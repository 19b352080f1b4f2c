import Collectives
import DataParallel
import Diagnostics
import Execution
import Foundation
import Graphs
import NeuralNetworks

/// A small training job in memory, driven as `lockstep train` drives a replica.
struct TrainingJob: Sendable {
    var model: @Sendable () -> any Layer
    var input = ModelTrace.Field("x", [6])
    var label = ModelTrace.Field("y", [])
    var loss = Loss.sigmoidCrossEntropy
    var lossOptions = LossOptions()
    /// Samples of a step.
    var batchSize: @Sendable (Int) -> Int = { _ in 16 }
    /// The words of a sample's input and label, floats as their bits.
    var sample: @Sendable (_ step: Int, _ position: Int) -> (input: [UInt32], label: [UInt32])
    var update = UpdateOptions(SGD(rate: 0.1))
    var logicalShards = 4
    var lanes = 1
    var seed: UInt64 = 3
    /// Called with every shard before it is served; may throw or wait.
    var onShard: @Sendable (_ step: Int, _ shard: Int) throws -> Void = { _, _ in }
    var timeLimit = Duration.seconds(30)
    var stopRequested: @Sendable () -> Bool = { false }
    var bucketByteCount = 4 << 20
    var edgeBucketByteCount = 1 << 20
    var overlapsExchange = true
    var compression: (any GradientCompression)?
    var synchronizesBatchNorm = false
    var localSteps = 1
    var zeroStage = 0

    /// What a job leaves behind.
    struct Result: Sendable {
        var state: TrainedState
        var verdicts: [StepVerdict]
        /// The state after each step, where asked for.
        var states: [TrainedState]
    }

    /// Numbers by formula for inputs, and yes or no for labels.
    init(model: @escaping @Sendable () -> any Layer) {
        self.model = model
        sample = { step, position in
            let stream = RandomStream(seed: 17, purpose: 5, UInt32(step), UInt32(position))
            let input = (0..<6).map { (stream.uniform($0) * 3 - 1.5).bitPattern }
            return (input, [Float(stream.word(6) & 1).bitPattern])
        }
    }

    /// Four layers in several small buckets and slices, eight shards, batches of all sizes.
    static var manyBuckets: TrainingJob {
        var job = TrainingJob {
            DenseNetwork(hidden: [40, 70, 33], outputs: 1, activation: .tanh, dropout: 0.3)
        }
        job.update = UpdateOptions(Adam(rate: 0.01))
        job.update.clipNorm = 0.3
        job.logicalShards = 8
        // Full batches, uneven ones, one with fewer samples than shards.
        job.batchSize = { [16, 13, 3, 16, 9][$0 % 5] }
        (job.bucketByteCount, job.edgeBucketByteCount) = (4096, 4096)
        return job
    }

    /// Makes the replica and its arenas; stop the replica at the end.
    func start(
        from initial: ((ParameterLayout) -> TrainedState)? = nil, step: Int = 0,
        on communicator: any Communicator = SoloCommunicator()
    ) throws -> (shared: ReplicaShared, replica: Replica) {
        let shared = try share(on: communicator)
        try shared.initialize(isResumed: initial != nil, from: initial?(shared.layout))
        return (shared, try Replica(shared, step: step, updates: step))
    }

    /// The same on one of several ranks, of which the first alone has the state that a resumed run goes on with.
    func start(
        isResumed: Bool, from state: TrainedState?, step: Int, on communicator: any Communicator
    ) throws -> (shared: ReplicaShared, replica: Replica) {
        let shared = try share(on: communicator)
        try shared.initialize(isResumed: isResumed, from: state)
        return (shared, try Replica(shared, step: step, updates: step))
    }

    private func share(on communicator: any Communicator) throws -> ReplicaShared {
        let map = try LaneMap(communicator.topology, lanesPerReplica: lanes, logicalShards: logicalShards)
        return try ReplicaShared(configuration, communicator: communicator, map: map)
    }

    /// What a replica is made of.
    var configuration: ReplicaConfiguration {
        let job = self
        var configuration = ReplicaConfiguration(
            update: update, seed: seed,
            trace: { samples in
                try ModelTrace(
                    job.model(), sampleCount: samples, input: job.input, label: job.label, loss: job.loss,
                    lossOptions: job.lossOptions,
                    isTraining: true, synchronizesBatchNorm: job.synchronizesBatchNorm)
            },
            makeSource: { _, _ in MemorySource(job) })
        configuration.timeLimit = timeLimit
        configuration.stopRequested = stopRequested
        configuration.bucketByteCount = bucketByteCount
        configuration.edgeBucketByteCount = edgeBucketByteCount
        configuration.overlapsExchange = overlapsExchange
        configuration.compression = compression
        configuration.localSteps = localSteps
        configuration.zeroStage = zeroStage
        return configuration
    }

    /// Runs so many steps.
    func run(
        steps: Int, keepsStates: Bool = false, from initial: ((ParameterLayout) -> TrainedState)? = nil,
        on communicator: any Communicator = SoloCommunicator()
    ) throws -> Result {
        let (shared, replica) = try start(from: initial, on: communicator)
        defer { replica.stop() }
        var verdicts: [StepVerdict] = []
        var states: [TrainedState] = []
        if keepsStates {
            for step in 1...steps {
                try replica.run(until: step) { verdicts.append($0) }
                states.append(shared.snapshot().exported())
            }
        } else {
            try replica.run(until: steps) { verdicts.append($0) }
        }
        return Result(state: shared.snapshot().exported(), verdicts: verdicts, states: states)
    }
}

/// Micro-batches out of a job's formula: shard v of V takes samples [v·b/V, (v+1)·b/V).
private final class MemorySource: MicroBatchSource {
    private let job: TrainingJob
    private let fields: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private var memories: [UnsafeMutablePointer<UInt32>] = []

    init(_ job: TrainingJob) {
        self.job = job
        fields = .allocate(capacity: 2)
    }

    deinit {
        for memory in memories { memory.deallocate() }
        fields.deallocate()
    }

    func next(step: Int, shard: Int) throws -> MicroBatchView {
        try job.onShard(step, shard)
        let size = job.batchSize(step)
        let positions = (shard * size / job.logicalShards)..<((shard + 1) * size / job.logicalShards)
        let samples = positions.map { job.sample(step, $0) }
        for memory in memories { memory.deallocate() }
        memories = [samples.flatMap(\.input), samples.flatMap(\.label)].map { words in
            let memory = UnsafeMutablePointer<UInt32>.allocate(capacity: max(16, words.count))
            memory.update(from: words, count: words.count)
            return memory
        }
        for (index, memory) in memories.enumerated() {
            (fields + index).initialize(to: UnsafeMutableRawPointer(memory))
        }
        return MicroBatchView(fields: fields, sampleCount: samples.count, firstPosition: positions.lowerBound)
    }
}

extension TrainedState {
    /// All bits in a fixed order, to compare runs.
    var bits: [UInt32] {
        let tensors = parameters.sorted { $0.key < $1.key } + optimizer.sorted { $0.key < $1.key }
        return tensors.flatMap { $0.value.values.map(\.bitPattern) }
    }
}

/// A flag that lanes may set and read.
final class StopFlag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
}

func sleepFor(milliseconds: Int) { Thread.sleep(forTimeInterval: Double(milliseconds) / 1000) }
