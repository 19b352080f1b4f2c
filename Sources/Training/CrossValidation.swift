import Collectives
import Diagnostics
import Foundation

/// Trains a recipe once a fold and gathers the test metric of each: `lockstep train --folds K`.
public struct CrossValidation {
    /// What a fold reached.
    public struct Fold: Sendable {
        /// The fold, from 1.
        public let number: Int
        /// How its run ended.
        public let outcome: TrainOutcome
    }

    /// The folds.
    public let folds: [Fold]

    /// Trains all folds one after the other. Collective: every rank.
    /// - Parameter report: told of every finished fold, on rank 0.
    public init(
        _ options: TrainOptions, count: Int, communicator: any Communicator, report: (Fold) -> Void
    ) throws {
        var folds: [Fold] = []
        let base =
            options.output ?? "runs/"
            + URL(fileURLWithPath: options.recipePath)
            .deletingPathExtension().lastPathComponent + "-folds"
        for number in 1...max(1, count) {
            var own = options
            own.overrides.append("data.fold=\(number)/\(count)")
            own.output = "\(base)/fold-\(number)-of-\(count)"
            own.isQuiet = true
            own.resumesIfThere = options.isResumed
            let fold = Fold(
                number: number, outcome: try TrainingRun(own, communicator: communicator).execute())
            if communicator.rank == 0 { report(fold) }
            folds.append(fold)
            if !fold.outcome.isFinished { break }
        }
        self.folds = folds
    }

    /// The mean and the standard deviation (of a sample) of a metric over the folds; nil where a fold lacks it.
    /// - Parameter metrics: the run's metrics, or those of the classical model beside it.
    public func summary(
        of metric: String, in metrics: (TrainOutcome) -> [String: Double] = \.metrics
    ) -> (mean: Double, deviation: Double)? {
        let values = folds.compactMap { metrics($0.outcome)[metric] }
        guard values.count == folds.count, !values.isEmpty else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0)
    }
}
