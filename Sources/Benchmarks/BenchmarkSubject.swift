import DataParallel
import Graphs

/// What a training benchmark times: a reference workload, or a recipe on its own data.
public struct BenchmarkSubject: Sendable {
    /// The name in results.
    public let name: String
    /// What is counted a second, for instance `samples`.
    public let unit: String
    /// How many of them a step of so many lanes takes.
    public let unitsPerStep: @Sendable (_ laneCount: Int) -> Int
    /// Logical shards of a step of so many lanes.
    public let logicalShards: @Sendable (_ laneCount: Int) -> Int
    /// The model, its micro-batches and its update, for so many logical shards.
    public let configuration: @Sendable (_ logicalShards: Int) throws -> ReplicaConfiguration

    /// Describes a subject.
    public init(
        name: String, unit: String, unitsPerStep: @escaping @Sendable (_ laneCount: Int) -> Int,
        logicalShards: @escaping @Sendable (_ laneCount: Int) -> Int,
        configuration: @escaping @Sendable (_ logicalShards: Int) throws -> ReplicaConfiguration
    ) {
        self.name = name
        self.unit = unit
        self.unitsPerStep = unitsPerStep
        self.logicalShards = logicalShards
        self.configuration = configuration
    }
}
