import DataParallel
import DataPipeline
import Graphs
import Inference
import Recipes
import Scenarios

/// What a recipe trains, without a run around it: for benchmarks. Data is opened and fitted by every rank itself.
public struct RecipeConfiguration: Sendable {
    private let scenario: Scenario
    private let dataset: any Dataset
    private let buckets: LengthBuckets?

    /// Reads a recipe and its training data.
    /// - Throws: `LockstepError` naming the place in the recipe or in the data.
    public init(_ path: String, overrides: [String]) throws {
        let recipe = try Recipe(contentsOf: path, overrides: overrides)
        let start = ContinuousClock.now
        let data = try RecipeData(recipe)
        dataset = try data.trainingDataset(recipe, teacher: recipe.training.teacher.map(Teacher.init))
        buckets = try data.buckets(of: dataset)
        let parts = (ContinuousClock.now - start).components
        openSeconds = Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
        var scenario = try Scenario(recipe, fitted: data.fitted)
        try scenario.readBase()
        self.scenario = scenario
    }

    /// Threads that decode samples for each lane: the cores that lanes leave, one at least.
    public var loaderThreads = 1

    /// Seconds that it took to open, split and fit the data, and to decode what stays in memory.
    public let openSeconds: Double
    /// The training samples.
    public var sampleCount: Int { dataset.count }
    /// The bytes that a model reads of a sample, its label included; of samples of several lengths on average.
    public var sampleByteCount: Int {
        buckets?.meanByteCount(dataset.fields) ?? dataset.sampleByteCount
    }
    /// Whether samples are decoded in memory.
    public var isResident: Bool { dataset.isResident }

    /// Steps of an epoch.
    public func stepsPerEpoch() throws -> Int { try sampler(shards: 1).stepsPerEpoch }

    /// The micro-batches of some logical shards, as a lane reads them.
    public func loader(shards: Range<Int>, of shardCount: Int, startStep: Int) throws -> BatchLoader {
        BatchLoader(
            dataset: dataset, sampler: try sampler(shards: shardCount), shards: shards, startStep: startStep,
            threads: loaderThreads)
    }

    private func sampler(shards: Int) throws -> ShardSampler {
        let recipe = scenario.recipe
        return try ShardSampler(
            sampleCount: dataset.count, globalBatchSize: recipe.training.globalBatchSize, shardCount: shards,
            seed: recipe.seed, shuffles: recipe.training.shuffle, buckets: buckets)
    }

    /// The recipe's name.
    public var name: String { scenario.recipe.name }
    /// Samples of a step over all lanes.
    public var globalBatchSize: Int { scenario.recipe.training.globalBatchSize }
    /// Logical shards, where the recipe states them.
    public var logicalShards: Int? { scenario.recipe.training.logicalShards }
    /// What products compute in.
    public var precision: Precision { scenario.precision }

    /// The model, its micro-batches and its update.
    /// - Parameter shards: logical shards of a step.
    public func configuration(shards: Int) throws -> ReplicaConfiguration {
        let sampler = try sampler(shards: shards)
        var configuration = ReplicaConfiguration(
            update: scenario.updateOptions(totalSteps: 1_000_000), seed: scenario.recipe.seed,
            trace: { [scenario] in try scenario.trace(sampleCount: $0) },
            makeSource: { [dataset, loaderThreads] shards, step in
                LoaderSource(
                    BatchLoader(
                        dataset: dataset, sampler: sampler, shards: shards, startStep: step,
                        threads: loaderThreads))
            })
        configuration.traceOfLength = { [scenario] in try scenario.trace(sampleCount: $0, length: $1) }
        return configuration
    }
}
