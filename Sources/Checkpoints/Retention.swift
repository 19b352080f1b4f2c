/// Which checkpoints stay when a new one is in place.
public struct Retention: Sendable, Equatable {
    /// How many of the newest stay, at least 1.
    public let keepLast: Int

    /// Creates a rule.
    public init(keepLast: Int = 3) {
        self.keepLast = max(1, keepLast)
    }

    /// The steps to remove, oldest first, after a checkpoint of `state` was put in place.
    ///
    /// Never among them: the last, the best, one whose evaluation is pending (it may become the best), and
    /// those of later steps (a resume skipped them as damaged; their own steps replace them).
    public func removableSteps(among steps: [Int], after state: TrainingState) -> [Int] {
        // A best one that could not be saved: the one that was best before is still there, but nobody knows which.
        if let best = state.bestStep, !steps.contains(best) { return [] }
        let older = steps.filter { $0 <= state.step }.sorted()
        return older.dropLast(keepLast).filter {
            $0 != state.step && $0 != state.bestStep && $0 != state.pendingEvaluation?.step
        }
    }
}
