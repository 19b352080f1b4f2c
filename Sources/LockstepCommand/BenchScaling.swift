import ArgumentParser
import Benchmarks
import Diagnostics
import Foundation
import Training

/// `lockstep bench scaling`.
struct BenchScaling: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scaling",
        abstract:
            "Time ranks that train together against as many independent runs side by side on the same cores.",
        discussion: """
            lockstep bench scaling --workload gpt --ranks 1,2 --json

            It starts mpirun, and the independent runs, itself: do not start it under mpirun. Both sides take \
            turns, two at least, until the two best of each side agree within 1 %; the best counts. An efficiency of 1 means that training together costs nothing.
            """)

    @Option(help: "The workload: \(Workload.all.map(\.name).joined(separator: ", ")).") var workload = "mlp"
    @Option(help: "Numbers of ranks, with commas between them.") var ranks = "1,2"
    @Option(help: "Turns of both sides at the most.") var rounds = 8
    @Flag(help: "Print a line of JSON for each number of ranks.") var json = false

    func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds must be at least 1, is \(rounds)") }
        _ = try counts()
    }

    private func counts() throws -> [Int] {
        try ranks.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let value = Int(word), (1...Bounds.most).contains(value) else {
                throw ValidationError("--ranks takes numbers of ranks, for instance 1,2; '\(word)' is none")
            }
            return value
        }
    }

    func run() throws {
        for variable in ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK"]
        where ProcessInfo.processInfo.environment[variable] != nil {
            throw LockstepError(
                .usage, "bench scaling starts mpirun itself, but already runs under it (\(variable) is set)",
                remedy: "start it alone")
        }
        let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
        let benchmark = try ScalingBenchmark(
            workload: workload, ranks: try counts(), rounds: rounds, program: program)
        for line in try benchmark.run() { say(json ? line.json : line.text) }
    }
}
