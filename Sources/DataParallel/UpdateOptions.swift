import Diagnostics
import NeuralNetworks

/// Everything that turns a summed gradient into a step, beside the gradient.
public struct UpdateOptions: Sendable {
    /// The optimizer.
    public var optimizer: any Optimizer
    /// How its rate changes with the step.
    public var schedule = RateSchedule()
    /// The greatest norm of the mean gradient, beyond which it is scaled down (as torch.nn.utils.clip_grad_norm_).
    public var clipNorm: Double?
    /// λ of λ·Σ|w| over weights, added to the loss.
    public var l1 = 0.0
    /// λ of λ·Σw² over weights, added to the loss.
    public var l2 = 0.0
    /// Exceptions for some parameters; of several that fit, the last holds.
    public var rules: [ParameterRule] = []
    /// Steps in a row with non-finite numbers after which training stops; until then such steps are skipped.
    public var maxNonFiniteSteps = 3

    /// Creates options with an optimizer.
    public init(_ optimizer: any Optimizer) { self.optimizer = optimizer }

    /// The rule of a parameter.
    public func rule(for name: String) -> ParameterRule {
        rules.last { $0.matches(name) } ?? ParameterRule("*")
    }
}

/// How some parameters are treated.
public struct ParameterRule: Sendable, Equatable {
    /// The names that it holds for; `*` stands for any characters.
    public var pattern: String
    /// The factor of the learning rate.
    public var rateFactor: Double
    /// The weight decay instead of the optimizer's.
    public var weightDecay: Double?
    /// Whether they stay as they are; their gradients are then not computed.
    public var isFrozen: Bool

    /// Creates a rule.
    public init(_ pattern: String, rateFactor: Double = 1, weightDecay: Double? = nil, isFrozen: Bool = false)
    {
        self.pattern = pattern
        self.rateFactor = rateFactor
        self.weightDecay = weightDecay
        self.isFrozen = isFrozen
    }

    /// Whether a name fits the pattern.
    public func matches(_ name: String) -> Bool { NamePattern.matches(pattern, name) }
}
