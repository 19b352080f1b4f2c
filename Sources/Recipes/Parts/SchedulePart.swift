/// How the learning rate changes over the steps: the group `training.schedule`.
public struct SchedulePart: Sendable, Equatable {
    /// The curve after the warm-up.
    public enum Kind: String, Sendable, CaseIterable {
        /// The same rate throughout.
        case constant
        /// Times `factor` after every `everySteps` steps.
        case step
        /// Times `factor` over every `everySteps` steps, smoothly.
        case exponential
        /// Along half a cosine down to `minimumRate` at the last planned step.
        case cosine
        /// With the root of the steps, as 1/√step: the rate holds at the end of the warm-up.
        case inverseSquareRoot
    }

    /// The curve after the warm-up.
    public var kind: Kind
    /// The steps over which the rate first grows from 0, in a straight line.
    public var warmupSteps: Int
    /// The steps of one reduction; step and exponential.
    public var everySteps: Int
    /// What the rate is multiplied by; step and exponential.
    public var factor: Double
    /// The lowest rate; step, exponential and cosine.
    public var minimumRate: Double

    /// Creates the part.
    public init(
        kind: Kind = .constant, warmupSteps: Int = 0, everySteps: Int = 1_000, factor: Double = 0.5,
        minimumRate: Double = 0
    ) {
        self.kind = kind
        self.warmupSteps = warmupSteps
        self.everySteps = everySteps
        self.factor = factor
        self.minimumRate = minimumRate
    }
}

extension SchedulePart {
    init(_ reader: RecipeReader) throws {
        self.init()
        kind = try reader.choice("kind", default: .constant)
        warmupSteps = try reader.integer("warmupSteps", in: 0...1_000_000_000, default: 0)
        if kind == .step || kind == .exponential {
            everySteps = try reader.requiredInteger("everySteps", in: 1...1_000_000_000)
            _ = try reader.required("factor")
            factor = try reader.number("factor", .aboveUpTo(0, 1), default: factor)
        }
        if kind != .constant { minimumRate = try reader.number("minimumRate", .atLeast(0), default: 0) }
        if kind == .inverseSquareRoot, warmupSteps == 0 {
            throw reader.failure(
                "warmupSteps", "is needed by kind inverseSquareRoot: there the rate holds",
                remedy: "add warmupSteps: 4000")
        }
        try reader.finish(for: "schedule kind '\(kind.rawValue)'")
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("kind", kind.rawValue)
        keys.add("warmupSteps", warmupSteps)
        if kind == .step || kind == .exponential {
            keys.add("everySteps", everySteps)
            keys.add("factor", factor)
        }
        if kind != .constant { keys.add("minimumRate", minimumRate) }
    }
}
