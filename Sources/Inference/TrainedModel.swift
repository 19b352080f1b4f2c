import Checkpoints
import Coordination
import DataParallel
import DataPipeline
import Diagnostics
import Execution
import NeuralNetworks
import Recipes
import Scenarios

/// A trained model read back from a run or from one of its checkpoints.
public final class TrainedModel: @unchecked Sendable {
    /// The checkpoint it comes from.
    public let checkpoint: LoadedCheckpoint
    /// What the run was made of.
    public let scenario: Scenario
    /// Where parameters lie.
    public let layout: ParameterLayout
    /// The parameters' arena.
    public let parameters: UnsafePointer<Float>
    /// What was skipped on the way to the checkpoint.
    public let warnings: [String]

    /// Opens the best checkpoint of a run (the last where there is no best), or the checkpoint at the path itself.
    /// - Parameters:
    ///   - model: the model, where the run trained one written in Swift.
    ///   - base: of a run of low-rank adapters, where their base lies now; `nil` where it lay when they were trained.
    /// - Throws: `LockstepError` (65) when there is none, or no base of adapters; (78) when something does not fit.
    public init(_ path: String, model: (any Layer)? = nil, base: String? = nil) throws {
        let search = try CheckpointReader.open(path, prefersBest: true)
        checkpoint = search.checkpoint
        warnings = search.warnings
        let recipe = try Recipe(effectiveKeys: checkpoint.manifest.recipeKeys)
        let fitted = try FittedData(decoding: checkpoint.dataJSON)
        scenario = try Scenario(recipe, fitted: fitted, model: model)
        layout = ParameterLayout(try scenario.trace(sampleCount: 1))
        let byteCount = layout.elementCount * MemoryLayout<Float>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        let arena = memory.bindMemory(to: Float.self, capacity: layout.elementCount)
        parameters = UnsafePointer(arena)
        try TrainedState(checkpoint, start: recipe.start, layout: layout, base: base)
            .restoreParameters(into: arena, layout: layout)
    }

    deinit { parameters.deallocate() }
}
