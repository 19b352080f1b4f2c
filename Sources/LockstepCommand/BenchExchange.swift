import ArgumentParser
import Benchmarks
import Graphs
import Training

/// `lockstep bench exchange`.
struct BenchExchange: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exchange",
        abstract:
            "Time steps of several nodes with each way to exchange gradients, beside bound and prediction.",
        discussion: """
            launch/testbed up --hosts 2 --bandwidth 1gbit
            launch/testbed run lockstep bench exchange --workload gpt --json

            In one run, by turns: a step of each rank by itself, then steps that exchange after backward, while \
            backward goes on, in bfloat16 and by PowerSGD. The bound is the greater of the step by itself and the \
            bytes at the measured bandwidth; the prediction is what 'bench simulate' makes of the measured parts.
            """)

    @Option(help: "The workload: \(Workload.all.map(\.name).joined(separator: ", ")).") var workload = "mlp"
    @Option(help: "float32 or bfloat16.") var precision = Precision.float32
    @Option(help: "Turns of each way, of which the best counts.") var rounds = 3
    @Flag(help: "Print a line of JSON for the parts, and one for each way.") var json = false

    func validate() throws {
        if rounds < 1 { throw ValidationError("--rounds must be at least 1, is \(rounds)") }
    }

    func run() throws {
        let benchmark = ExchangeBenchmark(
            try Workload.named(workload), precision: precision, rounds: rounds)
        Launch.run(stopsBySignal: false) { communicator in
            let result = try benchmark.run(communicator)
            guard communicator.rank == 0 else { return }
            if json { result.json.forEach { say($0) } } else { say(result.text) }
        }
    }
}
