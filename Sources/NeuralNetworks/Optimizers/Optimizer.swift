/// How parameters move along their gradients. An optimizer is a description; `DataParallel` runs it as one fused
/// kernel over slices of the arenas.
public protocol Optimizer: Sendable {
    /// The name in recipes and checkpoints, for instance `adamW`.
    var name: String { get }
    /// The names of the arenas of state it keeps for each parameter, as PyTorch calls them.
    var stateNames: [String] { get }
    /// The learning rate before the schedule.
    var rate: Double { get }
}

/// Stochastic gradient descent, as torch.optim.SGD:
/// g ← g + λθ; b ← μb + g; g ← g + μb (Nesterov) or b; θ ← θ − ηg.
public struct SGD: Optimizer {
    /// η.
    public var rate: Double
    /// μ; 0 keeps no state.
    public var momentum: Double
    /// Whether the gradient looks ahead (Sutskever et al. 2013).
    public var nesterov: Bool
    /// λ, added to the gradient.
    public var weightDecay: Double
    /// `sgd`.
    public var name: String { "sgd" }
    /// The momentum buffer, where there is momentum.
    public var stateNames: [String] { momentum == 0 ? [] : ["momentum_buffer"] }

    /// Creates an optimizer.
    public init(rate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0) {
        self.rate = rate
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay
    }
}

/// Adam (Kingma and Ba 2015), as torch.optim.Adam; with `decoupled` decay it is AdamW (Loshchilov and Hutter 2019):
/// m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
public struct Adam: Optimizer {
    /// η.
    public var rate: Double
    /// β₁.
    public var beta1: Double
    /// β₂.
    public var beta2: Double
    /// ε.
    public var epsilon: Double
    /// λ: added to the gradient, or, decoupled, θ ← θ − ηλθ before the step.
    public var weightDecay: Double
    /// Whether the decay is AdamW's.
    public var isDecoupled: Bool
    /// `adam` or `adamW`.
    public var name: String { isDecoupled ? "adamW" : "adam" }
    /// Both moments.
    public var stateNames: [String] { ["exp_avg", "exp_avg_sq"] }

    /// Creates an optimizer.
    public init(
        rate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0, isDecoupled: Bool = false
    ) {
        self.rate = rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.isDecoupled = isDecoupled
    }

    /// AdamW with PyTorch's defaults.
    public static func adamW(rate: Double = 0.001, weightDecay: Double = 0.01) -> Adam {
        Adam(rate: rate, weightDecay: weightDecay, isDecoupled: true)
    }
}

/// RMSprop (Tieleman and Hinton 2012), as torch.optim.RMSprop:
/// v ← αv + (1−α)g²; without momentum θ ← θ − ηg/(√v + ε), else b ← μb + g/(√v + ε); θ ← θ − ηb.
public struct RMSProp: Optimizer {
    /// η.
    public var rate: Double
    /// α.
    public var decay: Double
    /// ε.
    public var epsilon: Double
    /// μ; 0 keeps no momentum buffer.
    public var momentum: Double
    /// λ, added to the gradient.
    public var weightDecay: Double
    /// `rmsprop`.
    public var name: String { "rmsprop" }
    /// The mean square, and the momentum buffer where there is momentum.
    public var stateNames: [String] { momentum == 0 ? ["square_avg"] : ["square_avg", "momentum_buffer"] }

    /// Creates an optimizer.
    public init(
        rate: Double = 0.01, decay: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0,
        weightDecay: Double = 0
    ) {
        self.rate = rate
        self.decay = decay
        self.epsilon = epsilon
        self.momentum = momentum
        self.weightDecay = weightDecay
    }
}
