import Diagnostics
import Graphs

/// What a replica trains and how; the same on every rank.
public struct ReplicaConfiguration: Sendable {
    /// Traces the model for a number of samples, with gradients.
    public var trace: @Sendable (_ sampleCount: Int) throws -> ModelTrace
    /// The same for sequences of a length of their own, where sources hand out such micro-batches: parameters are those
    /// of ``trace``.
    public var traceOfLength: (@Sendable (_ sampleCount: Int, _ length: Int) throws -> ModelTrace)?
    /// Opens a lane's micro-batches, from a step on.
    public var makeSource: @Sendable (_ shards: Range<Int>, _ startStep: Int) throws -> any MicroBatchSource
    /// How gradients become steps.
    public var update: UpdateOptions
    /// The seed of initial values and dropout.
    public var seed: UInt64
    /// What products compute in.
    public var precision = Precision.float32
    /// Bytes after which a bucket ends.
    public var bucketByteCount = 4 << 20
    /// The same for the first and the last bucket, where there are several nodes: the first starts the exchange early,
    /// the last is all that backward does not hide.
    public var edgeBucketByteCount = 1 << 20
    /// Whether buckets travel between nodes while backward goes on; the bits are the same.
    public var overlapsExchange = true
    /// How gradients are packed between nodes; `nil` sends them as they are, with bits that do not depend on the nodes.
    public var compression: (any GradientCompression)?
    /// Steps that each node takes by itself before parameters and optimizer state are averaged over the nodes (Local
    /// SGD); 1 sums gradients over all nodes at every step, with bits that do not depend on the nodes.
    public var localSteps = 1
    /// What nodes share out among them, to the same bits (ZeRO): 0 nothing; 1 optimizer state and updates; 2 also the
    /// memory of summed gradients.
    public var zeroStage = 0
    /// Steps after which the nodes compare their parameters.
    public var digestEvery = 100
    /// How long a lane waits for the others.
    public var timeLimit = Duration.seconds(300)
    /// Whether this rank was asked to stop; read once a shard.
    public var stopRequested: @Sendable () -> Bool = { false }

    /// Creates a configuration.
    public init(
        update: UpdateOptions, seed: UInt64,
        trace: @escaping @Sendable (_ sampleCount: Int) throws -> ModelTrace,
        makeSource:
            @escaping @Sendable (_ shards: Range<Int>, _ startStep: Int) throws -> any MicroBatchSource
    ) {
        self.update = update
        self.seed = seed
        self.trace = trace
        self.makeSource = makeSource
    }

    /// The trace with the gradients of frozen parameters left out, so that they cost nothing and do not count in the
    /// norm.
    public func trainingTrace(_ sampleCount: Int, length: Int? = nil) throws -> ModelTrace {
        let full = try fullTrace(sampleCount, length: length)
        let gradients = zip(full.graph.parameters, full.gradients).map { parameter, gradient in
            update.rule(for: parameter.name).isFrozen ? nil : gradient
        }
        return ModelTrace(
            graph: full.graph, fields: full.fields, predictions: full.predictions, loss: full.loss,
            gradients: gradients, lossTermCount: full.lossTermCount, termCount: full.termCount,
            sampleCount: full.sampleCount)
    }

    private func fullTrace(_ sampleCount: Int, length: Int?) throws -> ModelTrace {
        guard let length else { return try trace(sampleCount) }
        guard let traceOfLength else {
            throw LockstepError(
                .internalError, "a micro-batch of sequences of \(length) for a model of one length")
        }
        return try traceOfLength(sampleCount, length)
    }
}
