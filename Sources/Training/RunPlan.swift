import Collectives
import Coordination
import DataParallel
import DataPipeline
import Execution
import Recipes
import Scenarios
import Supervision

/// What `lockstep plan` shows of a recipe: nothing is trained.
public struct RunPlan {
    /// The plan as text.
    public let text: String

    /// Plans a recipe for a number of ranks on one node.
    /// - Throws: `LockstepError` where the recipe or its data do not fit.
    public init(_ recipe: Recipe, ranks: Int, lanes: Int?) throws {
        let data = try RecipeData(recipe)
        let scenario = try Scenario(recipe, fitted: data.fitted)
        let samples = try data.samples(.train).rows.count
        let wanted = lanes ?? CPUBudget.current().lanes(localReplicas: ranks)
        let shards =
            recipe.training.logicalShards
            ?? LaneMap.defaultLogicalShards(
                laneCount: ranks * wanted * recipe.training.accumulation,
                globalBatchSize: recipe.training.globalBatchSize)
        let each = lanes ?? max(1, min(wanted, shards / ranks))
        let topology = Topology.oneNode(worldSize: ranks)
        let map = try LaneMap(topology, lanesPerReplica: each, logicalShards: shards)
        let sampler = try ShardSampler(
            sampleCount: samples, globalBatchSize: recipe.training.globalBatchSize, shardCount: shards,
            seed: recipe.seed, shuffles: recipe.training.shuffle)
        let trace = try scenario.trace(sampleCount: max(1, sampler.maximumShardSize))
        let layout = ParameterLayout(trace)
        let plan = try Plan(
            trace, layout: layout, precision: scenario.precision.available,
            keepsPredictions: false)
        text = [
            Self.parameters(layout),
            plan.report,
            Self.buckets(BucketPlan(layout), map),
            Self.memory(
                layout, plan, map,
                stateCount: scenario.updateOptions(totalSteps: 1).optimizer.stateNames.count),
            Self.steps(recipe, sampler, map),
        ].joined(separator: "\n\n")
    }

    private static func parameters(_ layout: ParameterLayout) -> String {
        let lines = layout.allSegments.map { "  \($0.name)  \($0.shape)  at element \($0.offset)" }
        return "parameters: \(layout.parameterCount) in the order in which gradients are ready\n"
            + lines.joined(separator: "\n")
    }

    private static func buckets(_ plan: BucketPlan, _ map: LaneMap) -> String {
        let lines = plan.buckets.enumerated().map { number, range in
            let slices = map.nodeLanes.map { plan.slice(bucket: number, lane: $0, of: map.laneCount).count }
            return
                "  bucket \(number): elements \(range.lowerBound)..<\(range.upperBound), slices by lane \(slices)"
        }
        return "buckets: \(plan.buckets.count)\n" + lines.joined(separator: "\n")
    }

    private static func memory(_ layout: ParameterLayout, _ plan: Plan, _ map: LaneMap, stateCount: Int)
        -> String
    {
        let tree = CanonicalTree(leafCount: map.logicalShards)
        let arena = layout.elementCount * 4
        let gradients =
            map.nodeLanes.reduce(0) { $0 + tree.bufferCount(shards: map.shards(ofLane: $1)) } * arena
        return """
            memory of the node: parameters \(arena) bytes once, optimizer state \(arena * stateCount) bytes once, \
            gradients \(gradients) bytes in shared buffers, activations \(plan.arenaByteCount) bytes a lane
            """
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
