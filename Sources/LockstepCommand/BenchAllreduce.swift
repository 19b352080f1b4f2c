import ArgumentParser
import Benchmarks
import Foundation
import Supervision
import Training

/// `lockstep bench allreduce`.
struct BenchAllreduce: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allreduce",
        abstract: "Time the sum of gradients over all ranks, beside MPI_Allreduce and the speed of memory.",
        discussion: """
            mpirun -n 2 lockstep bench allreduce --json

            'lockstep' is the sum as training takes it, 'mpi' the library's MPI_Allreduce, and 'memory' the time that \
            the sum's reads and writes take at the most that this machine's memory moved in this run. Small sizes stay \
            in the caches and can be faster than memory.
            """)

    @Option(help: "Bytes of float32 gradients, several with commas between them.")
    var sizes: String?
    @Option(help: "Times that each sum is taken, of which the best counts.") var repetitions = 8
    @Flag(help: "Print a line of JSON for each time.") var json = false

    func validate() throws {
        if repetitions < 1 { throw ValidationError("--repetitions must be at least 1, is \(repetitions)") }
        _ = try byteCounts()
    }

    private func byteCounts() throws -> [Int] {
        guard let sizes else { return AllreduceBenchmark.defaultSizes }
        return try sizes.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let value = Int(word), value >= 4, value % 4 == 0, value <= 1 << 33 else {
                throw ValidationError(
                    "--sizes takes multiples of 4 bytes up to 8 GiB, for instance 4000,4000000; '\(word)' is none"
                )
            }
            return value
        }
    }

    func run() throws {
        let benchmark = AllreduceBenchmark(sizes: try byteCounts(), repetitions: repetitions)
        // MPI shall be at its best: where it has the cores for it, it may wait without yielding them.
        if CPUBudget.current().nodeCPUs >= Self.rankCount { setenv("OMPI_MCA_mpi_yield_when_idle", "0", 0) }
        Launch.run(stopsBySignal: false) { communicator in
            let lines = try benchmark.run(communicator)
            guard communicator.rank == 0 else { return }
            for line in lines { say(json ? line.json : Self.text(line)) }
        }
    }

    /// Ranks of this host, by what mpirun says.
    private static var rankCount: Int {
        let environment = ProcessInfo.processInfo.environment
        return environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap { Int($0) } ?? Int.max
    }

    private static func text(_ line: AllreduceBenchmark.Line) -> String {
        String(
            format: "%12d bytes over %d ranks: %10.1f us  %@", line.byteCount, line.ranks, line.microseconds,
            line.peer as NSString)
    }
}
