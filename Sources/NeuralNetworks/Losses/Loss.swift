import Graphs

/// What training makes small. Losses are sums over their terms; the update divides once by the global count.
public enum Loss: String, Sendable, CaseIterable {
    /// For one of several classes: logits [..., classes], labels int32 [...].
    case softmaxCrossEntropy
    /// For yes or no: one logit a sample, labels 0 or 1.
    case sigmoidCrossEntropy
    /// For numbers: predictions and float32 targets.
    case meanSquaredError
    /// For one of several classes, told by a label and by a teacher: logits x [rows, classes], float32 labels
    /// [rows, 2, classes], of a row first 1 at the label's class and 0 elsewhere, then the probabilities p that the teacher
    /// gives the classes at a temperature T. A row's loss is
    /// (1 − w)·(−log softmax(x) at the label) + w·T²·(−Σ pⱼ·log softmax(x / T)ⱼ)
    /// (Hinton et al., "Distilling the knowledge in a neural network", 2015); w and T are ``LossOptions/teacherWeight`` and
    /// ``LossOptions/temperature``.
    case distillation

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
        case .distillation: try Self.distilled(predictions, labels, options)
        }
    }

    /// The squared temperature keeps the teacher's part of the gradient as great as it is without one.
    private static func distilled(_ logits: Tensor, _ targets: Tensor, _ options: LossOptions) throws
        -> Tensor
    {
        let (weight, temperature) = (options.teacherWeight, options.temperature)
        guard logits.shape.rank == 2, targets.shape == [logits.shape[0], 2, logits.shape[1]] else {
            throw logits.graph.refusal(
                "'distillation' of logits \(logits.shape) with targets \(targets.shape)",
                remedy: "give it logits [rows, classes] and targets [rows, 2, classes]")
        }
        guard weight > 0, weight <= 1, temperature > 0 else {
            throw logits.graph.refusal(
                "'distillation' with a weight of \(weight) and a temperature of \(temperature)",
                remedy: "use a weight above 0 and at most 1, and a temperature above 0")
        }
        func part(_ place: Int, _ logits: Tensor, _ factor: Double) throws -> Tensor {
            let own = try targets.sliced(axis: 1, place..<(place + 1)).reshaped(to: logits.shape)
            return try (logits.logSoftmax() * own).sum().scaled(by: -factor)
        }
        let softened = temperature == 1 ? logits : try logits.scaled(by: 1 / temperature)
        let taught = try part(1, softened, weight * temperature * temperature)
        return weight == 1 ? taught : try part(0, logits, 1 - weight) + taught
    }

    /// How many terms a micro-batch of predictions has when no label is ignored.
    public func termCount(predictions: Shape) -> Int {
        let isOfRows = self == .softmaxCrossEntropy || self == .distillation
        guard isOfRows, predictions.rank > 0, predictions[-1] > 0 else { return predictions.elementCount }
        return predictions.elementCount / predictions[-1]
    }

    /// Traces the number of terms where it depends on the labels; `nil` where ``termCount(predictions:)`` tells it.
    public func termCount(labels: Tensor, options: LossOptions) throws -> Tensor? {
        try options.ignoredLabel.map { try labels.countLabels(ignoredLabel: $0) }
    }

    private func requireKnown(_ options: LossOptions, _ graph: Graph) throws {
        guard self == .softmaxCrossEntropy || (options.ignoredLabel == nil && options.labelSmoothing == 0)
        else {
            throw graph.refusal(
                "'\(rawValue)' knows neither ignored labels nor label smoothing",
                remedy: "use softmaxCrossEntropy, or leave both out")
        }
        let standard = LossOptions()
        let hasTeacher =
            (options.teacherWeight, options.temperature) != (standard.teacherWeight, standard.temperature)
        guard self == .distillation || !hasTeacher else {
            throw graph.refusal(
                "'\(rawValue)' knows no teacher",
                remedy: "use distillation, or leave weight and temperature out")
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
    /// For ``Loss/distillation``, the teacher's share, above 0 and at most 1.
    public var teacherWeight: Double
    /// For ``Loss/distillation``, what logits are divided by, the student's and before that the teacher's.
    public var temperature: Double

    /// Creates settings; by default every label counts and stands for its class alone.
    public init(
        ignoredLabel: Int? = nil, labelSmoothing: Double = 0, teacherWeight: Double = 0.5,
        temperature: Double = 1
    ) {
        self.ignoredLabel = ignoredLabel
        self.labelSmoothing = labelSmoothing
        self.teacherWeight = teacherWeight
        self.temperature = temperature
    }
}
