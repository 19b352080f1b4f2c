import CKernels
import Collectives
import DataParallel
import Diagnostics
import NeuralNetworks

/// Times training steps of a workload: forward, loss, backward, sum over all lanes, Adam. The batch is per lane, as the
/// peers' is per rank.
public struct TrainingBenchmark: Sendable {
    /// The workload.
    public let workload: Workload
    /// Lanes of this rank.
    public let lanes: Int
    /// Rounds, of which the best counts.
    public let rounds: Int

    /// Creates a benchmark.
    public init(_ workload: Workload, lanes: Int, rounds: Int = 5) {
        self.workload = workload
        self.lanes = lanes
        self.rounds = rounds
    }

    /// What was measured.
    public struct Result: Sendable {
        /// The workload's name.
        public let workload: String
        /// Lanes of all ranks.
        public let lanes: Int
        /// Ranks.
        public let ranks: Int
        /// The best round, in milliseconds a step.
        public let stepMilliseconds: Double
        /// Samples a second over all ranks.
        public let perSecond: Double
        /// What a sample is called.
        public let unit: String
        /// Heap allocations of ours a step; `nil` where they cannot be counted.
        public let allocationsPerStep: Double?
        /// Heap allocations inside oneDNN a step.
        public let libraryAllocationsPerStep: Double?
        /// Share of the time by operation of one lane's program, longest first.
        public let profile: [(operation: String, microseconds: Double)]

        /// One line of JSON in the form of the peers' scripts.
        public var json: String {
            var fields = [
                "\"peer\": \"lockstep\"", "\"workload\": \"\(workload)\"", "\"ranks\": \(ranks)",
                "\"lanes\": \(lanes)", "\"precision\": \"float32\"",
                "\"step_ms\": \(Self.rounded(stepMilliseconds, 4))",
                "\"per_s\": \(Self.rounded(perSecond, 1))",
                "\"unit\": \"\(unit)\"",
            ]
            if let allocationsPerStep, let libraryAllocationsPerStep {
                fields.append("\"allocations_per_step\": \(Self.rounded(allocationsPerStep, 3))")
                fields.append(
                    "\"onednn_allocations_per_step\": \(Self.rounded(libraryAllocationsPerStep, 3))")
            }
            return "{" + fields.joined(separator: ", ") + "}"
        }

        /// The result for people.
        public var text: String {
            var text =
                "\(workload), float32, \(ranks) ranks, \(lanes) lanes: \(Self.rounded(stepMilliseconds, 4)) ms a step, "
                + "\(Self.rounded(perSecond, 1)) \(unit) a second"
            if let allocationsPerStep, let libraryAllocationsPerStep {
                text +=
                    "\n  heap allocations a step: \(Self.rounded(allocationsPerStep, 3)) ours, "
                    + "\(Self.rounded(libraryAllocationsPerStep, 3)) in oneDNN"
            }
            return text
        }

        private static func rounded(_ value: Double, _ places: Int) -> Double {
            let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
            return (value * factor).rounded() / factor
        }
    }

    /// Runs the benchmark. Collective: every rank.
    /// - Parameter profiles: whether to time each operation as well.
    public func run(_ communicator: any Communicator, profiles: Bool = false) throws -> Result {
        let laneCount = communicator.worldSize * lanes
        // V = ranks × lanes, so that a lane computes one micro-batch of the workload's size.
        let map = try LaneMap(communicator.topology, lanesPerReplica: lanes, logicalShards: laneCount)
        let (workload, model) = (workload, SharedModel(workload.model()))
        let configuration = ReplicaConfiguration(
            update: UpdateOptions(Adam()), seed: 0,
            trace: { try workload.trace(model.layer, sampleCount: $0) },
            makeSource: { shards, _ in
                FixedSource(workload, sampleCount: workload.batchSize, shard: shards.lowerBound)
            })
        let shared = try ReplicaShared(configuration, communicator: communicator, map: map)
        try shared.initialize()
        let replica = try Replica(shared)
        defer { replica.stop() }
        let steps = workload.stepsPerRound
        try replica.run(until: max(3, steps / 10))
        let (best, own, library) = try timeRounds(replica, communicator, steps)
        let counts = lk_allocation_count() >= 0
        return Result(
            workload: workload.name, lanes: laneCount, ranks: communicator.worldSize,
            stepMilliseconds: best / Double(steps) * 1e3,
            perSecond: Double(workload.batchSize * laneCount * steps) / best, unit: workload.unit,
            allocationsPerStep: counts ? own : nil, libraryAllocationsPerStep: counts ? library : nil,
            profile: profiles ? try profile(replica) : [])
    }

    /// Seconds of the best round, and allocations a step of the calmest round: a round's own bookkeeping is not a step.
    private func timeRounds(
        _ replica: Replica, _ communicator: any Communicator, _ steps: Int
    ) throws -> (best: Double, own: Double, library: Double) {
        var (best, own, library) = (Double.infinity, Double.infinity, Double.infinity)
        for _ in 0..<rounds {
            try communicator.barrier()
            let (before, beforeInside) = (lk_allocation_count(), lk_library_allocation_count())
            let clock = ContinuousClock()
            let took = try clock.measure { try replica.run(until: replica.step + steps) }
            own = min(own, Double(lk_allocation_count() - before) / Double(steps))
            library = min(library, Double(lk_library_allocation_count() - beforeInside) / Double(steps))
            let parts = took.components
            best = min(best, Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
        }
        return (best, own, library)
    }

    private func profile(_ replica: Replica) throws -> [(operation: String, microseconds: Double)] {
        let runs = 200
        return try replica.profile(runs: runs)
            .map { (operation: $0.key, microseconds: Double($0.value.nanoseconds) / Double(runs) / 1e3) }
            .sorted { $0.microseconds > $1.microseconds }
    }
}

/// A model shared by lanes that only read it.
private struct SharedModel: @unchecked Sendable {
    let layer: any Layer
    init(_ layer: any Layer) { self.layer = layer }
}
