/// When the run is evaluated, saved and stopped: the group `coordinator` of a recipe.
public struct CoordinatorPart: Sendable, Equatable {
    /// Rows that can be evaluated.
    public enum Split: String, Sendable, CaseIterable {
        /// The rows the model learns from.
        case train
        /// The rows set aside for choosing.
        case validation
        /// The rows set aside for the verdict.
        case test
    }

    /// Who is the coordinator.
    public enum Mode: String, Sendable, CaseIterable {
        /// Replica rank 0, besides its training.
        case colocated
        /// A rank of its own.
        case dedicated
    }

    /// How often something happens.
    public enum Interval: Sendable, Equatable {
        /// After every so many steps.
        case steps(Int)
        /// After every so many epochs.
        case epochs(Int)
    }

    /// How often the run is evaluated.
    public var evaluateEvery: Interval
    /// The rows it is evaluated on; left out in a recipe: validation rows where there are some, else
    /// test rows.
    public var evaluationSplit: Split
    /// The samples of one evaluation batch.
    public var evaluationBatchSize: Int
    /// How often a checkpoint is written; the last step always gets one.
    public var checkpointEvery: Interval
    /// The number of latest checkpoints that are kept.
    public var keepLast: Int
    /// Whether the checkpoint with the best evaluation is kept as well.
    public var keepBest: Bool
    /// When training stops early, if it may.
    public var earlyStopping: EarlyStoppingPart?
    /// The steps between two progress lines.
    public var logEvery: Int
    /// Who is the coordinator.
    public var mode: Mode

    /// Creates the part.
    public init(
        evaluateEvery: Interval = .epochs(1), evaluationSplit: Split = .validation,
        evaluationBatchSize: Int = 256, checkpointEvery: Interval = .epochs(1), keepLast: Int = 2,
        keepBest: Bool = true, earlyStopping: EarlyStoppingPart? = nil, logEvery: Int = 10,
        mode: Mode = .colocated
    ) {
        self.evaluateEvery = evaluateEvery
        self.evaluationSplit = evaluationSplit
        self.evaluationBatchSize = evaluationBatchSize
        self.checkpointEvery = checkpointEvery
        self.keepLast = keepLast
        self.keepBest = keepBest
        self.earlyStopping = earlyStopping
        self.logEvery = logEvery
        self.mode = mode
    }
}

extension CoordinatorPart {
    init(_ reader: RecipeReader, data: DataPart) throws {
        let standardSplit: Split = data.hasValidation ? .validation : data.hasTest ? .test : .train
        evaluateEvery = try reader.interval("evaluateEvery")
        evaluationSplit = try reader.choice("evaluationSplit", default: standardSplit)
        evaluationBatchSize = try reader.integer("evaluationBatchSize", in: 1...16_777_216, default: 256)
        checkpointEvery = try reader.interval("checkpointEvery")
        keepLast = try reader.integer("keepLast", in: 1...1_000_000, default: 2)
        keepBest = try reader.flag("keepBest", default: true)
        earlyStopping = try reader.optionalPart("earlyStopping").map { try EarlyStoppingPart($0) }
        logEvery = try reader.integer("logEvery", in: 1...1_000_000_000, default: 10)
        mode = try reader.choice("mode", default: .colocated)
        try reader.finish()
        let hasRows =
            [.train: true, .validation: data.hasValidation, .test: data.hasTest][evaluationSplit] ?? true
        guard hasRows else {
            throw reader.failure(
                "evaluationSplit", "is \(evaluationSplit.rawValue), but the split has no such rows",
                remedy: "give data.split.\(evaluationSplit.rawValue), or evaluate on another split")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.inside("evaluateEvery") { evaluateEvery.flatten(into: &$0) }
        keys.add("evaluationSplit", evaluationSplit.rawValue)
        keys.add("evaluationBatchSize", evaluationBatchSize)
        keys.inside("checkpointEvery") { checkpointEvery.flatten(into: &$0) }
        keys.add("keepLast", keepLast)
        keys.add("keepBest", keepBest)
        if let earlyStopping {
            keys.inside("earlyStopping") { earlyStopping.flatten(into: &$0) }
        } else {
            keys.add("earlyStopping", nil as Int?)
        }
        keys.add("logEvery", logEvery)
        keys.add("mode", mode.rawValue)
    }
}

extension CoordinatorPart.Interval {
    func flatten(into keys: inout FlatKeys) {
        switch self {
        case .steps(let count): keys.add("steps", count)
        case .epochs(let count): keys.add("epochs", count)
        }
    }
}

extension RecipeReader {
    /// `{steps: N}` or `{epochs: N}`; every epoch if nothing was written.
    func interval(_ key: String) throws -> CoordinatorPart.Interval {
        guard let reader = try optionalPart(key) else { return .epochs(1) }
        let steps = try reader.optionalInteger("steps", in: 1...1_000_000_000)
        let epochs = try reader.optionalInteger("epochs", in: 1...1_000_000_000)
        try reader.finish()
        switch (steps, epochs) {
        case (let steps?, nil): return .steps(steps)
        case (nil, let epochs?): return .epochs(epochs)
        case (nil, nil): return .epochs(1)
        case (.some, .some):
            throw failure(
                key, "has both steps and epochs",
                remedy: "keep one; --set '\(fullName(key))={steps: 100}' replaces both")
        }
    }
}
