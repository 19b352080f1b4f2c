import Graphs

/// What training makes small. Losses are sums over their terms; the update divides once by the global count.
public enum Loss: String, Sendable, CaseIterable {
    /// For one of several classes: logits [..., classes], labels int32 [...].
    case softmaxCrossEntropy
    /// For yes or no: one logit a sample, labels 0 or 1.
    case sigmoidCrossEntropy
    /// For numbers: predictions and float32 targets.
    case meanSquaredError

    /// Traces the sum of the loss's terms.
    /// - Throws: `LockstepError` when predictions and labels do not fit, or the loss does not know an option.
    public func sum(predictions: Tensor, labels: Tensor, options: LossOptions = LossOptions()) throws
        -> Tensor
    {
        try requireKnown(options, predictions.graph)
        return switch self {
        case .softmaxCrossEntropy:
            try predictions.softmaxCrossEntropy(
                labels: labels, ignoredLabel: options.ignoredLabel, labelSmoothing: options.labelSmoothing)
        case .sigmoidCrossEntropy: try predictions.sigmoidCrossEntropy(targets: labels)
        case .meanSquaredError: try predictions.squaredError(targets: labels)
        }
    }

    /// How many terms a micro-batch of predictions has when no label is ignored.
    public func termCount(predictions: Shape) -> Int {
        guard self == .softmaxCrossEntropy, predictions.rank > 0, predictions[-1] > 0 else {
            return predictions.elementCount
        }
        return predictions.elementCount / predictions[-1]
    }

    /// Traces the number of terms where it depends on the labels; `nil` where ``termCount(predictions:)`` tells it.
    public func termCount(labels: Tensor, options: LossOptions) throws -> Tensor? {
        try options.ignoredLabel.map { try labels.countLabels(ignoredLabel: $0) }
    }

    private func requireKnown(_ options: LossOptions, _ graph: Graph) throws {
        guard self == .softmaxCrossEntropy || options == LossOptions() else {
            throw graph.refusal(
                "'\(rawValue)' knows neither ignored labels nor label smoothing",
                remedy: "use softmaxCrossEntropy, or leave both out")
        }
    }
}

/// Settings of a loss beside its kind.
public struct LossOptions: Sendable, Equatable {
    /// The label whose rows add neither loss nor gradient nor count; PyTorch's usual one is −100. `nil` when every
    /// row counts.
    public var ignoredLabel: Int?
    /// The share of the target that is spread evenly over all classes, in [0, 1].
    public var labelSmoothing: Double

    /// Creates settings; by default every label counts and stands for its class alone.
    public init(ignoredLabel: Int? = nil, labelSmoothing: Double = 0) {
        self.ignoredLabel = ignoredLabel
        self.labelSmoothing = labelSmoothing
    }
}
