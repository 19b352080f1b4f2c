import Diagnostics

/// How long and by which rule the model learns: the group `training` of a recipe.
public struct TrainingPart: Sendable, Equatable {
    /// The samples of one step over all ranks and lanes.
    public var globalBatchSize: Int
    /// The parts a step's samples are cut into, whoever computes them; nil takes the smallest power of two
    /// that is at least ranks × lanes at the first launch.
    public var logicalShards: Int?
    /// Logical shards that a lane computes one after the other in a step, where ``logicalShards`` is left to the first
    /// launch: gradients add up in memory and travel once, and activations are those of a smaller micro-batch.
    public var accumulation: Int
    /// The passes over the training rows, if bounded.
    public var epochs: Int?
    /// The steps of the plan, if bounded; with ``epochs``, whichever comes first.
    public var maxSteps: Int?
    /// Whether every epoch has its own order.
    public var shuffle: Bool
    /// The update rule.
    public var optimizer: OptimizerPart
    /// The learning rate over the steps.
    public var schedule: SchedulePart
    /// The largest norm of all gradients together, if bounded.
    public var clipNorm: Double?
    /// Penalties on the weights.
    public var regularization: RegularizationPart
    /// The share of each target that is spread evenly over all classes; for tasks with classes, in training alone.
    public var labelSmoothing: Double
    /// A trained model to learn from beside the labels, if any; see ``TeacherPart``.
    public var teacher: TeacherPart?
    /// Patterns of parameter names that the optimizer's weight decay leaves alone; `*` stands for any characters.
    public var undecayed: [String]
    /// Patterns of parameter names that do not learn; `*` stands for any characters.
    public var frozen: [String]
    /// What products and convolutions compute in.
    public var precision: Precision
    /// What backward computes again instead of keeping it: less memory, more time, the same bits.
    public var recompute: Recompute
    /// Whether batch norms take their statistics over a whole step instead of over a logical shard; needs as many logical
    /// shards as there are lanes.
    public var synchronizedBatchNorm: Bool
    /// The steps with non-finite gradients in a row after which training gives up.
    public var maxNonFiniteSteps: Int
    /// How nodes exchange gradients, where there are several.
    public var exchange: ExchangePart

    /// Names of precisions.
    public enum Precision: String, CaseIterable, Sendable {
        /// Single precision throughout.
        case float32
        /// bfloat16 products summed in float32.
        case bfloat16
    }

    /// Names of what is computed again.
    public enum Recompute: String, CaseIterable, Sendable {
        /// Everything is kept.
        case nothing
        /// The inside of every block of a transformer or a residual network.
        case everyBlock
    }

    /// Creates the part; give `epochs` or `maxSteps` or both.
    public init(
        globalBatchSize: Int = 32, logicalShards: Int? = nil, accumulation: Int = 1, epochs: Int? = nil,
        maxSteps: Int? = nil,
        shuffle: Bool = true, optimizer: OptimizerPart = OptimizerPart(),
        schedule: SchedulePart = SchedulePart(),
        clipNorm: Double? = nil, regularization: RegularizationPart = RegularizationPart(),
        labelSmoothing: Double = 0, teacher: TeacherPart? = nil, undecayed: [String] = [],
        frozen: [String] = [],
        precision: Precision = .float32, recompute: Recompute = .nothing, synchronizedBatchNorm: Bool = false,
        maxNonFiniteSteps: Int = 3, exchange: ExchangePart = ExchangePart()
    ) {
        self.globalBatchSize = globalBatchSize
        self.logicalShards = logicalShards
        self.accumulation = accumulation
        self.epochs = epochs
        self.maxSteps = maxSteps
        self.shuffle = shuffle
        self.optimizer = optimizer
        self.schedule = schedule
        self.clipNorm = clipNorm
        self.regularization = regularization
        self.labelSmoothing = labelSmoothing
        self.teacher = teacher
        self.undecayed = undecayed
        self.frozen = frozen
        self.precision = precision
        self.recompute = recompute
        self.synchronizedBatchNorm = synchronizedBatchNorm
        self.maxNonFiniteSteps = maxNonFiniteSteps
        self.exchange = exchange
    }

    /// Whether the parameter called `name` matches a pattern of ``frozen``.
    public func freezes(_ name: String) -> Bool {
        frozen.contains { NamePattern.matches($0, name) }
    }
}

extension TrainingPart {
    init(_ reader: RecipeReader) throws {
        globalBatchSize = try reader.integer("globalBatchSize", in: 1...16_777_216, default: 32)
        logicalShards = try reader.optionalInteger("logicalShards", in: 1...65_536)
        accumulation = try reader.integer("accumulation", in: 1...65_536, default: 1)
        epochs = try reader.optionalInteger("epochs", in: 1...1_000_000_000)
        maxSteps = try reader.optionalInteger("maxSteps", in: 1...1_000_000_000_000)
        shuffle = try reader.flag("shuffle", default: true)
        optimizer = try OptimizerPart(try reader.part("optimizer"))
        schedule = try SchedulePart(try reader.part("schedule"))
        clipNorm = try reader.optionalNumber("clipNorm", .above(0))
        regularization = try RegularizationPart(try reader.part("regularization"))
        labelSmoothing = try reader.number("labelSmoothing", .below(0, 1), default: 0)
        teacher = try reader.optionalPart("teacher").map { try TeacherPart($0) }
        undecayed = try reader.texts("undecayed") ?? []
        frozen = try reader.texts("frozen") ?? []
        precision = try reader.choice("precision", default: .float32)
        recompute = try reader.choice("recompute", default: .nothing)
        synchronizedBatchNorm = try reader.flag("synchronizedBatchNorm", default: false)
        maxNonFiniteSteps = try reader.integer("maxNonFiniteSteps", in: 1...1_000_000_000, default: 3)
        exchange = try ExchangePart(try reader.part("exchange"))
        try reader.finish()
        try check(reader)
    }

    private func check(_ reader: RecipeReader) throws {
        if epochs == nil, maxSteps == nil {
            throw reader.failure(
                "epochs", "or training.maxSteps is needed",
                remedy: "add epochs: 10, or --set training.epochs=10")
        }
        if let logicalShards, logicalShards > globalBatchSize {
            throw reader.failure(
                "logicalShards", "is \(logicalShards), more than the \(globalBatchSize) samples of a step",
                remedy: "use at most training.globalBatchSize logical shards")
        }
        if accumulation > 1, logicalShards != nil {
            throw reader.failure(
                "accumulation", "and training.logicalShards both say how a step is cut",
                remedy: "keep one: shards are lanes × accumulation, rounded up to a power of two")
        }
        if accumulation > 1, synchronizedBatchNorm {
            throw reader.failure(
                "synchronizedBatchNorm", "cannot be used with training.accumulation: \(accumulation)",
                remedy: "drop one: the shards of a lane run one after the other and cannot share statistics")
        }
        if exchange.localSteps > 1, synchronizedBatchNorm {
            throw reader.failure(
                "synchronizedBatchNorm", "cannot be used with training.exchange.localSteps",
                remedy:
                    "drop one: statistics over all nodes would make them wait for each other at every step")
        }
        if teacher != nil, labelSmoothing > 0 {
            throw reader.failure(
                "labelSmoothing", "cannot be used with training.teacher, which softens targets itself",
                remedy: "drop one")
        }
        if undecayed.contains("") { throw reader.failure("undecayed", "holds an empty name") }
        if !undecayed.isEmpty, optimizer.weightDecay == 0 {
            throw reader.failure(
                "undecayed", "is of no effect without training.optimizer.weightDecay", remedy: "drop it")
        }
        if frozen.contains("") { throw reader.failure("frozen", "holds an empty name") }
        if schedule.minimumRate > optimizer.rate {
            throw reader.failure(
                "schedule", "has a minimumRate above the optimizer's rate of \(optimizer.rate)",
                remedy: "lower training.schedule.minimumRate")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("globalBatchSize", globalBatchSize)
        keys.add("logicalShards", logicalShards)
        keys.add("accumulation", accumulation)
        keys.add("epochs", epochs)
        keys.add("maxSteps", maxSteps)
        keys.add("shuffle", shuffle)
        keys.inside("optimizer") { optimizer.flatten(into: &$0) }
        keys.inside("schedule") { schedule.flatten(into: &$0) }
        keys.add("clipNorm", clipNorm)
        keys.inside("regularization") { regularization.flatten(into: &$0) }
        keys.add("labelSmoothing", labelSmoothing)
        if let teacher {
            keys.inside("teacher") { teacher.flatten(into: &$0) }
        } else {
            keys.add("teacher", nil as Int?)
        }
        keys.add("undecayed", undecayed)
        keys.add("frozen", frozen)
        keys.add("precision", precision.rawValue)
        keys.add("recompute", recompute.rawValue)
        keys.add("synchronizedBatchNorm", synchronizedBatchNorm)
        keys.add("maxNonFiniteSteps", maxNonFiniteSteps)
        keys.inside("exchange") { exchange.flatten(into: &$0) }
    }
}
