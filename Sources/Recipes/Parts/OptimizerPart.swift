/// The rule that turns gradients into updates: the group `training.optimizer`.
///
/// Every kind takes the keys of ``keys(of:)``; the other values are of no effect and refused in a recipe.
public struct OptimizerPart: Sendable, Equatable {
    /// The rule.
    public enum Kind: String, Sendable, CaseIterable {
        /// Stochastic gradient descent, with momentum if that is above 0.
        case sgd
        /// Adam; weight decay is added to the gradient.
        case adam
        /// Adam with weight decay apart from the gradient.
        case adamW
        /// Gradients divided by a moving root of their squares.
        case rmsprop
    }

    /// The rule.
    public var kind: Kind
    /// The learning rate.
    public var rate: Double
    /// How much of the last update is kept; sgd and rmsprop.
    public var momentum: Double
    /// Whether the gradient is taken ahead (needs momentum); sgd.
    public var nesterov: Bool
    /// The decay of the mean of gradients; adam and adamW.
    public var beta1: Double
    /// The decay of the mean of squared gradients; adam and adamW.
    public var beta2: Double
    /// Added to the root before the division; adam, adamW and rmsprop.
    public var epsilon: Double
    /// The decay of the mean of squared gradients; rmsprop (PyTorch's alpha).
    public var decay: Double
    /// The share of each weight that is taken off: by adamW at rate × weightDecay directly, by the others
    /// through the gradient.
    public var weightDecay: Double

    /// Creates the part with PyTorch's defaults (weight decay 0 for every kind).
    public init(
        kind: Kind = .adam, rate: Double = 0.001, momentum: Double = 0, nesterov: Bool = false,
        beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, decay: Double = 0.99,
        weightDecay: Double = 0
    ) {
        self.kind = kind
        self.rate = rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decay = decay
        self.weightDecay = weightDecay
    }

    /// The keys that a kind takes besides `kind`, `rate` and `weightDecay`.
    static func keys(of kind: Kind) -> Set<String> {
        switch kind {
        case .sgd: ["momentum", "nesterov"]
        case .adam, .adamW: ["beta1", "beta2", "epsilon"]
        case .rmsprop: ["momentum", "epsilon", "decay"]
        }
    }
}

extension OptimizerPart {
    init(_ reader: RecipeReader) throws {
        self.init()
        kind = try reader.choice("kind", default: .adam)
        let keys = Self.keys(of: kind)
        rate = try reader.number("rate", .above(0), default: rate)
        weightDecay = try reader.number("weightDecay", .atLeast(0), default: weightDecay)
        if keys.contains("momentum") {
            momentum = try reader.number("momentum", .below(0, 1), default: momentum)
        }
        if keys.contains("nesterov") { nesterov = try reader.flag("nesterov", default: nesterov) }
        if keys.contains("beta1") { beta1 = try reader.number("beta1", .below(0, 1), default: beta1) }
        if keys.contains("beta2") { beta2 = try reader.number("beta2", .below(0, 1), default: beta2) }
        if keys.contains("epsilon") { epsilon = try reader.number("epsilon", .above(0), default: epsilon) }
        if keys.contains("decay") { decay = try reader.number("decay", .below(0, 1), default: decay) }
        try reader.finish(for: "optimizer kind '\(kind.rawValue)'")
        if nesterov, momentum == 0 {
            throw reader.failure(
                "nesterov", "needs momentum above 0", remedy: "add momentum: 0.9, or write nesterov: false")
        }
    }

    func flatten(into flat: inout FlatKeys) {
        let keys = Self.keys(of: kind)
        flat.add("kind", kind.rawValue)
        flat.add("rate", rate)
        flat.add("weightDecay", weightDecay)
        if keys.contains("momentum") { flat.add("momentum", momentum) }
        if keys.contains("nesterov") { flat.add("nesterov", nesterov) }
        if keys.contains("beta1") { flat.add("beta1", beta1) }
        if keys.contains("beta2") { flat.add("beta2", beta2) }
        if keys.contains("epsilon") { flat.add("epsilon", epsilon) }
        if keys.contains("decay") { flat.add("decay", decay) }
    }
}
