import CKernels
import Collectives
import DataParallel
import Diagnostics
import Execution
import Graphs

/// Times training steps: forward, loss, backward, sum over all lanes, update.
public struct TrainingBenchmark: Sendable {
    /// What is trained.
    public let subject: BenchmarkSubject
    /// Lanes of this rank.
    public let lanes: Int
    /// Rounds, of which the best counts.
    public let rounds: Int
    /// What products shall compute in; the result says what they did compute in.
    public let precision: Precision
    /// Whether the step's floor is measured too, operation by operation.
    public let measuresFloor: Bool

    /// Creates a benchmark.
    public init(
        _ subject: BenchmarkSubject, lanes: Int, rounds: Int = 5, precision: Precision = .float32,
        measuresFloor: Bool = true
    ) {
        self.measuresFloor = measuresFloor
        self.subject = subject
        self.lanes = lanes
        self.rounds = rounds
        self.precision = precision
    }

    /// Runs the benchmark. Collective: every rank.
    /// - Parameter profileRuns: runs over which each operation is timed.
    public func run(_ communicator: any Communicator, profileRuns: Int = 5) throws -> TrainingBenchmarkResult
    {
        let laneCount = communicator.worldSize * lanes
        let shards = subject.logicalShards(laneCount)
        let map = try LaneMap(communicator.topology, lanesPerReplica: lanes, logicalShards: shards)
        var configuration = try subject.configuration(shards)
        let precision = precision.available
        configuration.precision = precision
        let shared = try ReplicaShared(configuration, communicator: communicator, map: map)
        try shared.initialize()
        let replica = try Replica(shared)
        defer { replica.stop() }
        let steps = try calibrate(replica, communicator)
        let best = try timeRounds(replica, communicator, steps)
        let peakMemory = PeakMemory.byteCount
        var floor: StepFloor?
        if measuresFloor {
            floor = StepFloor(
                try replica.timings(runs: profileRuns, alone: true), limits: try MachineLimits.measure(),
                parameterCount: shared.layout.elementCount, stateCount: shared.stateNames.count,
                precision: precision)
        }
        let counts = lk_allocation_count() >= 0
        return TrainingBenchmarkResult(
            workload: subject.name, lanes: laneCount, ranks: communicator.worldSize, precision: precision,
            stepMilliseconds: best.seconds / Double(steps) * 1e3,
            perSecond: Double(subject.unitsPerStep(laneCount) * steps) / best.seconds, unit: subject.unit,
            allocationsPerStep: counts ? best.own : nil,
            libraryAllocationsPerStep: counts ? best.library : nil,
            peakMemory: peakMemory, floor: floor)
    }

    /// Warms up, and finds how many steps fill about half a second: the same number on every rank.
    private func calibrate(_ replica: Replica, _ communicator: any Communicator) throws -> Int {
        try replica.run(until: 1)
        var seconds = try Stopwatch.seconds { try replica.run(until: replica.step + 1) }
        // A long step is warm after the first; and all ranks must take as many.
        let isShort = try communicator.allreduce(seconds < 0.1 ? 1 : 0, .min) == 1
        if isShort {
            try replica.run(until: replica.step + 1)
            seconds = try Stopwatch.seconds { try replica.run(until: replica.step + 1) }
        }
        let wanted = Int64(min(5000, max(2, (0.5 / max(seconds, 1e-6)).rounded(.up))))
        return Int(try communicator.allreduce(communicator.rank == 0 ? wanted : 0, .sum))
    }

    /// Seconds of the best round, and allocations a step of the calmest round: a round's own bookkeeping is not a step.
    private func timeRounds(
        _ replica: Replica, _ communicator: any Communicator, _ steps: Int
    ) throws -> (seconds: Double, own: Double, library: Double) {
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
}
