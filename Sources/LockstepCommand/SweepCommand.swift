import ArgumentParser
import Diagnostics
import Foundation
import Recipes
import Supervision
import Sweeps
import Training

/// `lockstep sweep`.
struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract: "Train a recipe with different settings and find the best by the validation split.",
        discussion: """
            lockstep sweep RECIPE --over training.optimizer.rate=0.001,0.003 --over model.dropout=0,0.5
            lockstep sweep RECIPE --over 'training.optimizer.rate=log(0.0001,0.01)' --random 20 --halving
            mpirun -n 4 lockstep sweep RECIPE …   each rank trains its share of the trials

            Every trial is a run of its own below the sweep's folder. A sweep that was stopped or killed goes on when it \
            is started again with the same words; finished trials are not trained again. With --halving all trials \
            train for a short while, the best third three times as long, and so on.
            """)

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Option(
        parsing: .singleValue,
        help:
            "A key and its values: KEY=A,B,C, or with --random KEY=uniform(A,B), log(A,B) or integers(A,B); repeatable."
    )
    var over: [String] = []
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "A recipe key and its value for all trials, key=value; repeatable.")
    var settings: [String] = []
    @Option(help: "Draw so many combinations instead of trying all.") var random: Int?
    @Option(help: "Chooses the combinations that are drawn.") var seed: UInt64 = 0
    @Option(help: "What is best: accuracy, macroF1, auc, loss, …; default: that of early stopping, or loss.")
    var metric: String?
    @Flag(help: "Stop bad trials early, by successive halving.") var halving = false
    @Option(help: "With --halving: one trial of so many goes on.") var factor = 3
    @Option(help: "The sweep's folder; default: runs/NAME-sweep.") var output: String?
    @Option(help: "Trials at once on each rank; default: as many as there are cores for.") var parallel: Int?
    @Option(help: "Lanes of each trial.") var lanes = 1
    @Option(help: "Start mpirun with so many ranks, each of which trains its share of the trials.")
    var ranks: Int?
    @Option(help: JSONTarget.help) var json: String?

    func validate() throws {
        try Bounds.check("--parallel", parallel)
        try Bounds.check("--lanes", lanes)
        try Bounds.check("--ranks", ranks)
        if over.isEmpty {
            throw ValidationError(
                "name what to vary, for instance --over training.optimizer.rate=0.001,0.003")
        }
        if !(2...100).contains(factor) {
            throw ValidationError("--factor must be from 2 to 100, is \(factor)")
        }
        if factor != 3, !halving { throw ValidationError("--factor needs --halving") }
        if let random, !(1...SweepSpace.trialLimit).contains(random) {
            throw ValidationError("--random must be from 1 to \(SweepSpace.trialLimit), is \(random)")
        }
    }

    func run() throws {
        let options = try options()
        if let ranks { try supervise(ranks, options) }
        // A rank whose trials are done waits for the others as long as they take.
        setenv("LOCKSTEP_TIMEOUT", "1e9", 0)
        let isFinished = Launch.run { communicator -> Bool in
            let sweep = try Sweep(options, communicator: communicator) { note($0) }
            guard communicator.rank == 0 else { return sweep.isFinished }
            try JSONTarget.write(try sweep.json(), to: json)
            if json != JSONTarget.standardOutput { say(sweep.text) }
            if !sweep.isFinished { note("stopped by a signal; start it again with the same words to go on") }
            return sweep.isFinished
        }
        if !isFinished { Foundation.exit(Diagnostics.ExitCode.preempted.rawValue) }
    }

    private func options() throws -> SweepOptions {
        let parsed = try Recipe(contentsOf: recipe, overrides: settings)
        var options = SweepOptions(
            recipePath: recipe, axes: try over.map { try SweepAxis($0) },
            output: output ?? "runs/\(parsed.name)-sweep",
            program: Bundle.main.executablePath ?? CommandLine.arguments[0])
        options.overrides = settings
        options.randomCount = random
        options.seed = seed
        options.metric = metric
        options.halves = halving
        options.factor = factor
        options.parallel = parallel
        options.lanes = lanes
        return options
    }

    private func supervise(_ ranks: Int, _ options: SweepOptions) throws -> Never {
        RunSignals.install(second: .isCounted)
        var words = Array(CommandLine.arguments.dropFirst())
        while let place = words.firstIndex(where: { $0 == "--ranks" || $0.hasPrefix("--ranks=") }) {
            words.removeSubrange(place..<min(words.count, place + (words[place] == "--ranks" ? 2 : 1)))
        }
        let job = MPIRun(
            ranks: ranks, lanes: max(1, options.lanes * (options.parallel ?? 1)),
            command: [options.program] + words)
        Foundation.exit(try job.run())
    }
}
