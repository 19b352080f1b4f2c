import ArgumentParser
import Benchmarks
import Diagnostics
import Graphs
import Supervision
import Training

/// `lockstep bench`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this machine.",
        subcommands: [
            BenchTrain.self, BenchData.self, BenchAllreduce.self, BenchScaling.self, BenchExchange.self,
            BenchSimulate.self,
        ])
}

/// `lockstep bench train`.
struct BenchTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract:
            "Time training steps of a reference workload (the batch is per lane) or of a recipe on its data.",
        discussion:
            "Works under mpirun too. Every result names the plan's floor: its arithmetic operations run by "
            + "themselves and everything else at the speed of a copy of memory.")

    @Option(help: "The workload: \(Workload.all.map(\.name).joined(separator: ", ")).") var workload: String?
    @Option(help: "A recipe instead of a workload; its global batch is shared by all lanes.") var recipe:
        String?
    @Option(name: .customLong("set"), help: "Another value for a key of the recipe, as KEY=VALUE.")
    var overrides: [String] = []
    @Option(help: "float32 or bfloat16.") var precision: Precision?
    @Option(help: "nothing, or everyBlock: backward computes the inside of blocks again.") var recompute:
        Recompute?
    @Option(help: "Lanes of each rank.") var lanes = 1
    @Option(help: "Rounds, of which the best counts.") var rounds = 5
    @Flag(help: "Time steps alone, without the floor: quicker.") var noFloor = false
    @Flag(help: "Print one line of JSON.") var json = false
    @Flag(help: "Print the time of each operation, and the rates that it reaches.") var profile = false

    func validate() throws {
        try Bounds.check("--lanes", lanes)
        if rounds < 1 { throw ValidationError("--rounds must be at least 1, is \(rounds)") }
        if workload != nil, recipe != nil { throw ValidationError("give --workload or --recipe, not both") }
        if noFloor, profile { throw ValidationError("--profile needs the floor; leave --no-floor out") }
        if recipe == nil, !overrides.isEmpty { throw ValidationError("--set needs --recipe") }
        if recipe != nil, recompute != nil {
            throw ValidationError("--recompute needs --workload; for a recipe use --set training.recompute=…")
        }
    }

    func run() throws {
        let (subject, asked) = try self.subject()
        let chosen = precision ?? asked
        Launch.run(stopsBySignal: false) { communicator in
            let benchmark = TrainingBenchmark(
                subject, lanes: lanes, rounds: rounds, precision: chosen, measuresFloor: !noFloor)
            let result = try benchmark.run(communicator)
            guard communicator.rank == 0 else { return }
            if result.precision != chosen {
                note("lockstep: this processor has no bfloat16 arithmetic: computing in float32")
            }
            say(json ? result.json : result.text)
            if profile { say(result.profile) }
        }
    }

    private func subject() throws -> (subject: BenchmarkSubject, precision: Precision) {
        guard let recipe else {
            return (
                try Workload.named(workload ?? "mlp").subject(recompute: recompute ?? .nothing), .float32
            )
        }
        let measured = try RecipeConfiguration(recipe, overrides: overrides)
        let batchSize = measured.globalBatchSize
        let subject = BenchmarkSubject(
            name: measured.name, unit: "samples", unitsPerStep: { _ in batchSize },
            logicalShards: { measured.logicalShards ?? $0 },
            configuration: { try measured.configuration(shards: $0) })
        return (subject, measured.precision)
    }
}

extension Precision: ExpressibleByArgument {}
extension Recompute: ExpressibleByArgument {}
