import Collectives
import Coordination
import DataParallel
import DataPipeline
import Diagnostics
import Execution
import Inference
import Recipes
import Scenarios
import Supervision

/// What `lockstep plan` shows of a recipe: nothing is trained.
public struct RunPlan {
    /// The plan as text.
    public let text: String

    /// Plans a recipe for a number of ranks.
    /// - Throws: `LockstepError` where the recipe or its data do not fit.
    /// - Parameters:
    ///   - ranks: all of them.
    ///   - nodes: over which they are spread evenly.
    ///   - lanes: of each rank; as many as there are cores for where `nil`.
    public init(_ recipe: Recipe, ranks: Int, nodes: Int = 1, lanes: Int?) throws {
        let data = try RecipeData(recipe)
        var scenario = try Scenario(recipe, fitted: data.fitted)
        try scenario.readBase()
        let dataset = try data.dataset(.train, for: .training(seed: recipe.seed))
        let samples = dataset.count
        let wanted = lanes ?? CPUBudget.current().lanes(localReplicas: ranks / nodes)
        let shards =
            recipe.training.logicalShards
            ?? LaneMap.defaultLogicalShards(
                laneCount: ranks * wanted * recipe.training.accumulation,
                globalBatchSize: recipe.training.globalBatchSize)
        let each = lanes ?? max(1, min(wanted, shards / ranks))
        let topology = Topology.even(nodes: nodes, ranksPerNode: ranks / nodes)
        let map = try LaneMap(topology, lanesPerReplica: each, logicalShards: shards)
        let sampler = try ShardSampler(
            sampleCount: samples, globalBatchSize: recipe.training.globalBatchSize, shardCount: shards,
            seed: recipe.seed, shuffles: recipe.training.shuffle, buckets: try data.buckets(of: dataset))
        let largest = max(1, sampler.maximumShardSize)
        let configuration = Self.configuration(recipe, scenario)
        let layout = ParameterLayout(try configuration.trainingTrace(largest))
        let plans = try PlannedBuckets(sampler.buckets) { length in
            try Plan(
                try configuration.trainingTrace(largest, length: length), layout: layout,
                precision: scenario.precision.available, keepsPredictions: false)
        }
        let parts = [
            Self.parameters(layout),
            plans.longest.report,
            plans.text,
            Self.buckets(
                BucketPlan(
                    layout, targetByteCount: configuration.bucketByteCount,
                    edgeByteCount: nodes > 1 ? configuration.edgeBucketByteCount : nil), map),
            try PlannedMemory(
                shared: NodeMemorySize(configuration, map: map), map: map,
                activations: plans.arenaByteCount,
                largestTensor: (layout.segments.map(\.elementCount).max() ?? 0) * MemoryLayout<Float>.size,
                evaluation: try Self.evaluationByteCount(scenario, data, layout),
                dataset: dataset.isResident ? dataset.count * dataset.sampleByteCount : 0
            ).text,
            Self.steps(recipe, sampler, map),
        ]
        text = parts.compactMap { $0 }.joined(separator: "\n\n")
    }

    /// What a run would be configured with, as far as memory goes.
    private static func configuration(_ recipe: Recipe, _ scenario: Scenario) -> ReplicaConfiguration {
        var configuration = ReplicaConfiguration(
            update: scenario.updateOptions(totalSteps: 1), seed: recipe.seed,
            trace: { try scenario.trace(sampleCount: $0) },
            makeSource: { _, _ in throw LockstepError(.internalError, "a plan reads no data") })
        configuration.traceOfLength = { try scenario.trace(sampleCount: $0, length: $1) }
        configuration.apply(recipe.training.exchange)
        configuration.precision = scenario.precision.available
        return configuration
    }

    /// Activations of an evaluation batch.
    private static func evaluationByteCount(
        _ scenario: Scenario, _ data: RecipeData, _ layout: ParameterLayout
    ) throws -> Int {
        let rows = data.rows(scenario.recipe.coordinator.evaluationSplit).count
        let samples = min(scenario.recipe.coordinator.evaluationBatchSize, rows)
        guard samples > 0 else { return 0 }
        let trace = try scenario.inferenceTrace(sampleCount: samples, withLabel: true)
        return try Plan(trace, layout: layout).arenaByteCount
    }

    private static func parameters(_ layout: ParameterLayout) -> String {
        let lines = layout.allSegments.map { "  \($0.name)  \($0.shape)  at element \($0.offset)" }
        return "parameters: \(layout.parameterCount) in the order in which gradients are ready\n"
            + lines.joined(separator: "\n")
    }

    private static func buckets(_ plan: BucketPlan, _ map: LaneMap) -> String {
        let lines = plan.buckets.enumerated().map { number, range in
            let lanes = map.nodeLanes.count
            let slices = (0..<lanes).map { plan.slice(bucket: number, lane: $0, of: lanes).count }
            return
                "  bucket \(number): elements \(range.lowerBound)..<\(range.upperBound), slices by lane \(slices)"
        }
        return "buckets: \(plan.buckets.count)\n" + lines.joined(separator: "\n")
    }

    private static func steps(_ recipe: Recipe, _ sampler: ShardSampler, _ map: LaneMap) -> String {
        let schedule = BoundarySchedule(recipe, stepsPerEpoch: sampler.stepsPerEpoch)
        return """
            steps: \(schedule.totalSteps), \(sampler.stepsPerEpoch) an epoch of \(sampler.sampleCount) samples
            logical shards: \(map.logicalShards) on \(map.laneCount) lanes (\(map.replicaCount) ranks × \
            \(map.lanesPerReplica)), at most \(sampler.maximumShardSize) samples each
            """
    }
}
