import DataParallel
import Recipes

/// At which steps replicas pause for an evaluation or a checkpoint: a pure function of the recipe, the same on every
/// rank and after every resume.
public struct BoundarySchedule: Sendable, Equatable {
    /// Steps of an epoch.
    public let stepsPerEpoch: Int
    /// Steps of the whole run, as planned.
    public let totalSteps: Int
    /// Steps after which this launch ends, at most ``totalSteps``.
    public let lastStep: Int
    private let evaluationInterval: Int
    private let checkpointInterval: Int

    /// Lays out a run.
    ///
    /// With `training.exchange.localSteps` every boundary moves up to the next step after which nodes average.
    /// - Parameter stopAfter: `--max-steps`: ends this launch early and changes nothing else.
    public init(_ recipe: Recipe, stepsPerEpoch: Int, stopAfter: Int? = nil) {
        self.stepsPerEpoch = stepsPerEpoch
        let byEpochs = recipe.training.epochs.map { $0.multipliedReportingOverflow(by: stepsPerEpoch) }
        let epochSteps = byEpochs.map { $0.overflow ? Int.max : $0.partialValue } ?? Int.max
        totalSteps = min(epochSteps, recipe.training.maxSteps ?? Int.max)
        // Nodes that take steps by themselves are alike only after they have averaged.
        func aligned(_ step: Int) -> Int {
            let count = recipe.training.exchange.localSteps
            let rest = step % count
            return rest == 0 ? step : min(step, Int.max - count) + count - rest
        }
        lastStep = min(totalSteps, stopAfter.map(aligned) ?? totalSteps)
        evaluationInterval = aligned(recipe.coordinator.evaluateEvery.steps(stepsPerEpoch: stepsPerEpoch))
        checkpointInterval = aligned(recipe.coordinator.checkpointEvery.steps(stepsPerEpoch: stepsPerEpoch))
    }

    /// The next step after which replicas pause.
    public func next(after step: Int) -> Int {
        let evaluation = (step / evaluationInterval + 1) * evaluationInterval
        let checkpoint = (step / checkpointInterval + 1) * checkpointInterval
        return min(lastStep, evaluation, checkpoint)
    }

    /// Why they pause there.
    public func kind(at step: Int) -> Boundary {
        var kind: Boundary = []
        if step % evaluationInterval == 0 || step == totalSteps { kind.insert(.evaluation) }
        if step % checkpointInterval == 0 { kind.insert(.checkpoint) }
        if step >= lastStep { kind.formUnion([.checkpoint, .last]) }
        return kind
    }
}

extension CoordinatorPart.Interval {
    /// The interval in steps.
    func steps(stepsPerEpoch: Int) -> Int {
        switch self {
        case .steps(let count): return count
        case .epochs(let count):
            let (steps, overflow) = count.multipliedReportingOverflow(by: stepsPerEpoch)
            return overflow ? Int.max / 4 : min(steps, Int.max / 4)
        }
    }
}
