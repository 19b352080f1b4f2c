import Checkpoints
import Collectives
import CKernels
import COneDNN
import Coordination
import Crypto
import DataParallel
import DataPipeline
import Diagnostics
import Foundation
import Inference
import Recipes
import Scenarios

/// What all ranks need to know of a run before they start: rank 0 finds it out and sends it.
struct JobDescription: Codable, Sendable {
    /// The recipe in effect.
    var recipeKeys: [String: String]
    /// The recipe as written.
    var recipeText: String
    /// Where the run stands.
    var state: TrainingState
    /// What was fitted to the training rows.
    var fitted: FittedData
    /// Whether a checkpoint goes on.
    var isResumed: Bool
    /// The names of the parameters that low-rank adapters leave as they are.
    var base: [String] = []
}

/// A job as every rank sees it: the recipe made concrete, its data, its lanes. Making it is collective.
struct Job: @unchecked Sendable {
    let communicator: any Communicator
    let recipe: Recipe
    let description: JobDescription
    let data: RecipeData
    let scenario: Scenario
    let training: any Dataset
    /// The SHA-256 of the teacher's numbers, where there is one.
    let teacherDigest: String?
    /// What this rank evaluates on; nil for the replicas of a dedicated coordinator.
    let evaluation: (any Dataset)?
    let sampler: ShardSampler
    let schedule: BoundarySchedule
    let map: LaneMap
    let warnings: [String]

    /// Whether rank 0 does nothing but coordinate.
    var isDedicated: Bool { recipe.coordinator.mode == .dedicated }
    /// How a launch ends at a boundary that is its last; nil at all others.
    func end(_ kind: Boundary, step: Int) -> TrainOutcome.End? {
        if kind.contains(.last) { return step >= schedule.totalSteps ? .completed : .stepLimit }
        return kind.contains(.preempted) ? .preempted : nil
    }

    /// Whether this rank is the coordinator.
    var isCoordinator: Bool { communicator.rank == 0 }

    /// Shares the description, opens the data, agrees on lanes and shakes hands. Collective: every rank.
    /// - Parameter description: on rank 0, what it found out.
    init(_ options: TrainOptions, communicator: any Communicator, description: JobDescription?) throws {
        self.communicator = communicator
        let shared = try Self.share(description, communicator)
        self.description = shared
        let shards = shared.state.logicalShards
        let parts = try Agreement.reach(communicator) { try Parts(options, shared, rank: communicator.rank) }
        (recipe, data, scenario) = (parts.recipe, parts.data, parts.scenario)
        (training, evaluation, sampler) = (parts.training, parts.evaluation, parts.sampler)
        teacherDigest = parts.teacherDigest
        schedule = BoundarySchedule(recipe, stepsPerEpoch: sampler.stepsPerEpoch, stopAfter: options.maxSteps)
        let dedicated = recipe.coordinator.mode == .dedicated
        let (lanes, laneWarnings) = try Self.agreeOnLanes(options, dedicated, shards: shards, communicator)
        map = try Agreement.reach(communicator) {
            try LaneMap(
                communicator.topology, lanesPerReplica: lanes, logicalShards: shards,
                hasDedicatedCoordinator: dedicated)
        }
        let leftOut = data.leftOutWarning(.train, sampleCount: training.count)
        warnings =
            laneWarnings + data.source.warnings
            + [
                map.imbalanceWarning, leftOut, Self.precisionWarning(scenario),
                (communicator as? MPICommunicator)?.warning,
            ].compactMap { $0 }
        do {
            try Handshake.verify(communicator, facts: facts())
        } catch {
            // Every rank finds the same difference; rank 0 reports it.
            let failure = LockstepError.wrapping(error)
            throw communicator.rank == 0 ? failure : failure.asEcho
        }
    }

    private static func precisionWarning(_ scenario: Scenario) -> String? {
        guard scenario.precision.available != scenario.precision else { return nil }
        return "this processor has no bfloat16 arithmetic: computing in float32"
    }

    /// What a rank makes of the description by itself.
    private struct Parts {
        let recipe: Recipe
        let data: RecipeData
        let scenario: Scenario
        let training: any Dataset
        let teacherDigest: String?
        let evaluation: (any Dataset)?
        let sampler: ShardSampler

        init(_ options: TrainOptions, _ shared: JobDescription, rank: Int) throws {
            var recipe = try Recipe(effectiveKeys: shared.recipeKeys)
            recipe.source = shared.recipeText
            self.recipe = recipe
            data = try RecipeData(recipe, fitted: shared.fitted)
            var scenario = try Scenario(recipe, fitted: shared.fitted, model: options.model)
            scenario.base = Set(shared.base)
            try scenario.checkFrozen()
            self.scenario = scenario
            let teacher = try recipe.training.teacher.map(Teacher.init)
            teacherDigest = teacher?.digest
            training = try data.trainingDataset(recipe, teacher: teacher)
            let evaluates = rank == 0 || recipe.coordinator.mode == .colocated
            evaluation = evaluates ? try data.dataset(recipe.coordinator.evaluationSplit) : nil
            sampler = try ShardSampler(
                sampleCount: training.count, globalBatchSize: recipe.training.globalBatchSize,
                shardCount: shared.state.logicalShards, seed: recipe.seed, shuffles: recipe.training.shuffle,
                buckets: try data.buckets(of: training))
        }
    }

    private static func share(_ own: JobDescription?, _ communicator: any Communicator) throws
        -> JobDescription
    {
        let bytes = try own.map { Array(try JSONEncoder().encode($0)) } ?? []
        let received = try communicator.broadcast(bytes, from: 0)
        return try JSONDecoder().decode(JobDescription.self, from: Data(received))
    }

    /// The number of lanes of every replica: what was asked for, or what the narrowest rank has cores for, at most as
    /// many as there are shards for.
    private static func agreeOnLanes(
        _ options: TrainOptions, _ dedicated: Bool, shards: Int, _ communicator: any Communicator
    ) throws -> (lanes: Int, warnings: [String]) {
        let topology = communicator.topology
        let replicas = topology.worldSize - (dedicated ? 1 : 0)
        let own = options.lanes ?? LaneDefaults.lanes(topology, dedicated: dedicated)
        let least = Int(try communicator.allreduce(Int64(own), .min))
        if options.lanes != nil { return (least, []) }
        let wanted = max(1, shards / max(1, replicas))
        let narrow = least < wanted ? LaneDefaults.warning(topology, dedicated: dedicated) : nil
        return (min(least, wanted), [narrow].compactMap { $0 })
    }

    /// What must be equal on all ranks before the first step.
    private func facts() throws -> [(name: String, value: String)] {
        let names = try scenario.trace(sampleCount: 1).graph.parameters.map { "\($0.name) \($0.shape)" }
        return [
            ("Lockstep version", Versions.lockstep),
            ("oneDNN version", Versions.oneDNN),
            ("instruction set of oneDNN (ONEDNN_MAX_CPU_ISA sets it)", Versions.oneDNNInstructionSet),
            ("instruction set of the kernels", Versions.kernelInstructionSet),
            ("data fingerprint", String(data.source.fingerprint, radix: 16)),
            ("recipe", Versions.sha256(recipe.hashInput)),
            ("teacher", teacherDigest ?? "none"),
            ("parameters", Versions.sha256(names.joined(separator: "\n"))),
            ("lanes a rank", String(map.lanesPerReplica)),
            ("last step", String(schedule.lastStep)),
        ]
    }
}

/// Versions of all that can change bits.
public enum Versions {
    /// This program's.
    public static let lockstep = "0.1.0"
    /// oneDNN's.
    public static var oneDNN: String {
        "\(cdnn_version_major()).\(cdnn_version_minor()).\(cdnn_version_patch())"
    }
    /// What oneDNN uses of this processor.
    public static var oneDNNInstructionSet: String {
        "\(String(cString: cdnn_instruction_set_name())) (\(cdnn_instruction_set()))"
    }
    /// What our kernels use of this processor.
    public static var kernelInstructionSet: String {
        String(cString: lk_instruction_set_name(lk_best_instruction_set()))
    }

    /// All of them by name, for checkpoints.
    /// - Parameter teacher: the SHA-256 of a teacher's numbers.
    static func all(teacher: String? = nil) -> [String: String] {
        var versions = [
            "lockstep": lockstep, "oneDNN": oneDNN, "oneDNN instruction set": oneDNNInstructionSet,
            "kernels": kernelInstructionSet,
        ]
        versions["teacher"] = teacher
        return versions
    }

    static func sha256(_ text: String) -> String {
        SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
    }
}
