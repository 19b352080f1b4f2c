/// When training stops before its planned end: the group `coordinator.earlyStopping`.
public struct EarlyStoppingPart: Sendable, Equatable {
    /// What is watched; also what makes a checkpoint the best one.
    public enum Metric: String, Sendable, CaseIterable {
        /// The mean loss.
        case loss
        /// The share of right classes.
        case accuracy
        /// The mean of F1 over the classes.
        case macroF1
        /// The area under the ROC curve; two classes only.
        case auc
    }

    /// The direction in which a metric gets better.
    public enum Mode: String, Sendable {
        /// Smaller is better.
        case min
        /// Larger is better.
        case max
    }

    /// What is watched.
    public var metric: Metric
    /// The evaluations without a better value after which training stops.
    public var patience: Int
    /// The least change that counts as better.
    public var minimumDelta: Double

    /// Creates the part.
    public init(metric: Metric = .loss, patience: Int = 5, minimumDelta: Double = 0) {
        self.metric = metric
        self.patience = patience
        self.minimumDelta = minimumDelta
    }

    /// The direction in which ``metric`` gets better.
    public var mode: Mode { metric == .loss ? .min : .max }
}

extension EarlyStoppingPart {
    init(_ reader: RecipeReader) throws {
        metric = try reader.choice("metric", default: .loss)
        patience = try reader.integer("patience", in: 1...1_000_000_000, default: 5)
        minimumDelta = try reader.number("minimumDelta", .atLeast(0), default: 0)
        try reader.finish()
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("metric", metric.rawValue)
        keys.add("patience", patience)
        keys.add("minimumDelta", minimumDelta)
    }
}
