import Diagnostics
import Foundation

/// run.json: what a run was and how it stands, for people and scripts.
struct RunFacts: Encodable {
    let recipe: String
    let end: String
    let step: Int
    let totalSteps: Int
    let epoch: Int
    let ranks: Int
    let lanesPerRank: Int
    let logicalShards: Int
    let coordinator: String
    let parameters: Int
    let seconds: Double
    let finalHash: String
    let metrics: [String: Double]
    let baseline: Baseline?
    let versions: [String: String]

    /// The classical model that was trained beside the run.
    struct Baseline: Encodable {
        let name: String
        let metrics: [String: Double]
    }

    init(_ job: Job, _ outcome: TrainOutcome, seconds: Double) throws {
        recipe = job.recipe.name
        end = outcome.end.rawValue
        step = outcome.step
        totalSteps = job.schedule.totalSteps
        epoch = outcome.step / job.sampler.stepsPerEpoch
        ranks = job.communicator.worldSize
        lanesPerRank = job.map.lanesPerReplica
        logicalShards = job.map.logicalShards
        coordinator = job.recipe.coordinator.mode.rawValue
        parameters = try job.scenario.trace(sampleCount: 1).graph.parameters.reduce(0) {
            $0 + $1.shape.elementCount
        }
        self.seconds = (seconds * 1000).rounded() / 1000
        finalHash = outcome.finalHash ?? ""
        metrics = outcome.metrics.filter { $0.value.isFinite }
        baseline = outcome.baselineName.map {
            Baseline(name: $0, metrics: outcome.baselineMetrics.filter { $0.value.isFinite })
        }
        versions = Versions.all(teacher: job.teacherDigest)
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw LockstepError(
                .inputOutput, "cannot write the run's facts", at: FileLocation(path), cause: error)
        }
    }
}
