import Collectives
import DataParallel
import Diagnostics
import Execution
import Graphs

/// Times training steps of several nodes with the exchange done in each way, beside what the step consists of and what
/// ``StepSimulation`` makes of that: all in one run, by turns.
public struct ExchangeBenchmark: Sendable {
    /// A way to exchange gradients.
    public enum Way: String, CaseIterable, Sendable {
        /// As they are, after backward.
        case afterBackward
        /// As they are, while backward goes on.
        case overlapped
        /// Overlapped, rounded to bfloat16.
        case bfloat16
        /// Overlapped, in factors of low rank.
        case powerSGD

        var compression: CompressionRule {
            switch self {
            case .afterBackward, .overlapped: .none
            case .bfloat16: .bfloat16
            case .powerSGD: .powerSGD
            }
        }
    }

    /// What is trained, with one lane a rank.
    public let workload: Workload
    /// What products compute in.
    public let precision: Precision
    /// How often each way has its turn; the best counts.
    public let rounds: Int

    /// Creates a benchmark.
    public init(_ workload: Workload, precision: Precision = .float32, rounds: Int = 3) {
        self.workload = workload
        self.precision = precision
        self.rounds = rounds
    }

    /// Runs it. Collective: every rank.
    /// - Throws: `LockstepError` (2) on a single node.
    public func run(_ communicator: any Communicator) throws -> ExchangeBenchmarkResult {
        let topology = communicator.topology
        guard topology.nodeCount > 1 else {
            throw LockstepError(
                .usage, "an exchange between nodes needs two, here is one",
                remedy:
                    "start it on several hosts with mpirun, or in a test bed: launch/testbed run lockstep "
                    + "bench exchange; LOCKSTEP_RANKS_PER_NODE=1 pretends that each rank is a node")
        }
        let link = try LinkMeasurement.measure(communicator)
        let memory = try MemoryTraffic.measure(communicator)
        let alone = try StepAlone(workload, lanes: 1, precision: precision)
        var compute = Turns { try alone.replica.run(until: alone.replica.step + $0) }
        var ways = try Way.allCases.map { way in
            let replica = try makeReplica(communicator, way)
            return (way: way, replica: replica, turns: Turns { try replica.run(until: replica.step + $0) })
        }
        defer { for way in ways { way.replica.stop() } }
        for _ in 0..<rounds {
            try compute.take(communicator)
            for index in ways.indices { try ways[index].turns.take(communicator) }
        }
        let sum = try exchangeAlone(communicator)
        let rate = memory.bytesPerSecond / Double(topology.localSize)
        let cluster = try ClusterShape(nodes: topology.nodeCount, lanes: topology.localSize)
        let lines = try ways.map { way in
            let timeline = try alone.timeline(
                stepSeconds: compute.best, compression: way.way.compression, memoryBytesPerSecond: rate)
            let simulation = StepSimulation(
                timeline, cluster: cluster, link: link, overlaps: way.way != .afterBackward)
            return ExchangeBenchmarkResult.Line(
                way: way.way, step: way.turns.best, predicted: simulation.run(),
                bound: StepFormula(simulation).bound)
        }
        return ExchangeBenchmarkResult(
            workload: workload.name, ranks: communicator.worldSize, nodes: topology.nodeCount, link: link,
            compute: compute.best, exchange: sum, lines: lines)
    }

    /// A replica of the whole job.
    private func makeReplica(_ communicator: any Communicator, _ way: Way) throws -> Replica {
        let shared = try makeShared(communicator) {
            $0.overlapsExchange = way != .afterBackward
            $0.compression = way.compression.compression
        }
        try shared.initialize()
        return try Replica(shared)
    }

    private func makeShared(
        _ communicator: any Communicator, _ change: (inout ReplicaConfiguration) -> Void = { _ in }
    ) throws -> ReplicaShared {
        let shards = communicator.worldSize
        let map = try LaneMap(communicator.topology, lanesPerReplica: 1, logicalShards: shards)
        var configuration = try workload.subject().configuration(shards)
        configuration.precision = precision.available
        change(&configuration)
        return try ReplicaShared(configuration, communicator: communicator, map: map)
    }

    /// The best seconds of all buckets' exchange and sum with nothing beside them.
    private func exchangeAlone(_ communicator: any Communicator) throws -> Double {
        let sum = try GradientSum(try makeShared(communicator), runs: rounds + 1)
        var best = Double.infinity
        for _ in 0...rounds {
            sum.gradients.update(repeating: 1)
            try sum.meet()
            best = min(best, try slowest(communicator, try Stopwatch.seconds { try sum.run() }))
        }
        return best
    }
}

/// The seconds of the slowest rank.
private func slowest(_ communicator: any Communicator, _ seconds: Double) throws -> Double {
    Double(try communicator.allreduce(Int64(seconds * 1e9), .max)) * 1e-9
}

/// Something that is timed again and again, by turns with others.
private struct Turns {
    /// Runs so many steps.
    let run: (_ steps: Int) throws -> Void
    private(set) var best = Double.infinity
    private var steps: Int?

    init(_ run: @escaping (_ steps: Int) throws -> Void) { self.run = run }

    /// Times about half a second of steps on all ranks at once; the first time, it finds out how many those are.
    /// Collective: every rank.
    mutating func take(_ communicator: any Communicator) throws {
        let steps = try self.steps ?? count(communicator)
        self.steps = steps
        try communicator.barrier()
        let took = try slowest(communicator, try Stopwatch.seconds { try run(steps) })
        best = min(best, took / Double(steps))
    }

    private func count(_ communicator: any Communicator) throws -> Int {
        try run(2)
        try communicator.barrier()
        let one = try slowest(communicator, try Stopwatch.seconds { try run(1) })
        return Int(min(5000, max(2, (0.5 / max(one, 1e-6)).rounded(.up))))
    }
}
