import ArgumentParser
import Benchmarks
import Diagnostics
import Supervision
import Training

/// `lockstep bench`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this machine.", subcommands: [BenchTrain.self])
}

/// `lockstep bench train`.
struct BenchTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract:
            "Time training steps of a reference workload; the batch is per lane. Works under mpirun too.")

    @Option(help: "The workload: mlp or text.") var workload = "mlp"
    @Option(help: "The precision; float32.") var precision = "float32"
    @Option(help: "Lanes of each rank.") var lanes = 1
    @Option(help: "Rounds, of which the best counts.") var rounds = 5
    @Flag(help: "Print one line of JSON.") var json = false
    @Flag(help: "Print the time of each operation as well.") var profile = false

    func validate() throws {
        try Bounds.check("--lanes", lanes)
        if rounds < 1 { throw ValidationError("--rounds must be at least 1, is \(rounds)") }
        if precision != "float32" { throw ValidationError("--precision '\(precision)': use float32") }
    }

    func run() throws {
        let chosen = try Workload.named(workload)
        Launch.run(stopsBySignal: false) { communicator in
            let benchmark = TrainingBenchmark(chosen, lanes: lanes, rounds: rounds)
            let result = try benchmark.run(communicator, profiles: profile)
            guard communicator.rank == 0 else { return }
            say(json ? result.json : result.text)
            for line in result.profile where profile {
                say("  \(line.operation)  \(Double(Int(line.microseconds * 100)) / 100) us")
            }
        }
    }
}
