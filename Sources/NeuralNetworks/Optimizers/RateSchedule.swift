#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How the learning rate changes with the global step; a pure function, so that resume needs no state.
public struct RateSchedule: Sendable, Equatable {
    /// The course after the warm-up.
    public enum Course: Sendable, Equatable {
        /// The rate as it is.
        case constant
        /// Times `factor` after every `every` steps.
        case step(every: Int, factor: Double)
        /// Times `factor` each `every` steps, smoothly: factor^(t / every).
        case exponential(every: Int, factor: Double)
        /// From 1 to `minimum` along half a cosine over `steps` steps (Loshchilov and Hutter 2017), then `minimum`.
        case cosine(steps: Int, minimum: Double)
        /// √(warm-up / step) after the warm-up, counted from the first step (Vaswani et al. 2017).
        case inverseSquareRoot
    }

    /// The course after the warm-up.
    public var course: Course
    /// Steps in which the rate climbs in a line from rate/warmupSteps to the rate.
    public var warmupSteps: Int
    /// The least factor after the warm-up.
    public var minimum: Double

    /// Creates a schedule.
    public init(_ course: Course = .constant, warmupSteps: Int = 0, minimum: Double = 0) {
        self.course = course
        self.warmupSteps = warmupSteps
        self.minimum = minimum
    }

    /// The factor of the rate in a step, counted from 0.
    public func factor(step: Int) -> Double {
        if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
        return max(minimum, courseFactor(time: step - warmupSteps))
    }

    private func courseFactor(time: Int) -> Double {
        switch course {
        case .constant: return 1
        case .step(let every, let factor): return pow(factor, Double(time / max(1, every)))
        case .exponential(let every, let factor): return pow(factor, Double(time) / Double(max(1, every)))
        case .inverseSquareRoot:
            let warmup = Double(max(1, warmupSteps))
            return (warmup / (warmup + Double(time) + 1)).squareRoot()
        case .cosine(let steps, let minimum):
            let progress = min(1, Double(time) / Double(max(1, steps - warmupSteps)))
            return minimum + (1 - minimum) * 0.5 * (1 + cos(Double.pi * progress))
        }
    }
}
