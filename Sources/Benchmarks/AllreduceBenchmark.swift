import Collectives
import DataParallel
import Diagnostics
import Graphs
import NeuralNetworks

/// Times the sum of gradients over all ranks: Lockstep's own path, the MPI library's allreduce, and how long the same
/// traffic takes at the speed of this machine's memory.
public struct AllreduceBenchmark: Sendable {
    /// The sizes that the peers' scripts measure, in bytes of float32.
    public static let defaultSizes = [4_000, 40_000, 400_000, 4_000_000, 40_000_000]

    /// One time, in the form of the peers' scripts.
    public struct Line: Sendable {
        /// `lockstep`, `mpi`, or `memory` for the machine's limit.
        public let peer: String
        /// Ranks that took part.
        public let ranks: Int
        /// Bytes of float32 that were summed.
        public let byteCount: Int
        /// The best time, in microseconds.
        public let microseconds: Double

        /// One line of JSON.
        public var json: String {
            "{\"peer\": \"\(peer)\", \"ranks\": \(ranks), \"bytes\": \(byteCount), "
                + "\"us\": \((microseconds * 10).rounded() / 10)}"
        }
    }

    /// Bytes of each sum.
    public let sizes: [Int]
    /// Times that each sum is taken, of which the best counts.
    public let repetitions: Int

    /// Creates a benchmark.
    public init(sizes: [Int] = defaultSizes, repetitions: Int = 8) {
        self.sizes = sizes
        self.repetitions = repetitions
    }

    /// Runs the benchmark, and checks the sums. Collective: every rank.
    /// - Returns: for each size Lockstep, MPI where the job runs under it, and the limit.
    public func run(_ communicator: any Communicator) throws -> [Line] {
        let traffic = try MemoryTraffic.measure(communicator)
        var lines: [Line] = []
        for byteCount in sizes {
            let elementCount = max(1, byteCount / 4)
            func add(_ peer: String, _ seconds: Double) {
                lines.append(
                    Line(
                        peer: peer, ranks: communicator.worldSize, byteCount: elementCount * 4,
                        microseconds: seconds * 1e6))
            }
            add("lockstep", try ownSeconds(communicator, elementCount: elementCount))
            if let mpi = communicator as? MPICommunicator {
                add("mpi", try mpi.timeLibrarySum(elementCount: elementCount, repetitions: repetitions))
            }
            // Every rank's gradients are read once and the sum is written once.
            let moved = Double((communicator.topology.localSize + 1) * elementCount * 4)
            add("memory", moved / traffic.bytesPerSecond)
        }
        return lines
    }

    /// The best time of Lockstep's sum.
    private func ownSeconds(_ communicator: any Communicator, elementCount: Int) throws -> Double {
        let map = try LaneMap(
            communicator.topology, lanesPerReplica: 1, logicalShards: communicator.worldSize)
        let configuration = ReplicaConfiguration(
            update: UpdateOptions(SGD(rate: 0.1)), seed: 0,
            trace: { try Self.trace(elementCount: elementCount, sampleCount: $0) },
            makeSource: { _, _ in
                throw LockstepError(.internalError, "the sum by itself has no micro-batches")
            })
        let shared = try ReplicaShared(configuration, communicator: communicator, map: map)
        let sum = try GradientSum(shared, runs: repetitions)
        var best = Double.infinity
        for _ in 0..<repetitions {
            // As backward does, each lane has just written its gradients.
            sum.gradients.update(repeating: Float(communicator.rank + 1))
            try sum.meet()
            best = min(best, try Stopwatch.seconds { try sum.run() })
            try check(sum, communicator, elementCount: elementCount)
            try sum.meet()
        }
        try communicator.barrier()
        return best
    }

    /// A benchmark of a wrong sum would be worth nothing.
    private func check(_ sum: GradientSum, _ communicator: any Communicator, elementCount: Int) throws {
        let wanted = Float(communicator.worldSize * (communicator.worldSize + 1) / 2)
        for element in stride(from: 0, to: elementCount, by: max(1, elementCount / 97))
        where sum.sum(at: element) != wanted {
            throw LockstepError(
                .internalError, "element \(element) of the sum is \(sum.sum(at: element)), not \(wanted)",
                rank: communicator.rank)
        }
    }

    /// A model whose only parameter has so many elements.
    private static func trace(elementCount: Int, sampleCount: Int) throws -> ModelTrace {
        try ModelTrace(
            Dense(elementCount, bias: false), sampleCount: sampleCount, input: .init("input", [1]),
            label: .init("label", [elementCount]), loss: .meanSquaredError, isTraining: true)
    }
}
