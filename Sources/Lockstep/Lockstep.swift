/// Lockstep for people who write their own model in Swift: `import Lockstep` brings everything that a training program
/// needs. See README.md for a complete one.
@_exported import Collectives
@_exported import DataPipeline
@_exported import Diagnostics
@_exported import Graphs
@_exported import Inference
@_exported import NeuralNetworks
@_exported import Recipes
@_exported import Training

/// Trains a recipe with a model of one's own; the program may run alone or under mpirun.
///
/// Rank 0 prints progress and, for a finished run, returns the report. An error on any rank ends the whole job with its
/// message and exit code.
/// - Parameters:
///   - recipe: the recipe's file; its `model` part is not used.
///   - model: the model, built alike on every rank.
///   - configure: changes options, for instance `{ $0.output = "runs/mine" }`.
/// - Returns: how training ended.
public func train(
    recipe: String, model: any Layer, configure: (inout TrainOptions) -> Void = { _ in }
) -> TrainOutcome {
    var options = TrainOptions(recipePath: recipe)
    options.model = model
    configure(&options)
    return Launch.run { communicator in
        try TrainingRun(options, communicator: communicator).execute()
    }
}
