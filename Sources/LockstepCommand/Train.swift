import ArgumentParser
import Diagnostics
import Foundation
import Recipes
import Supervision
import Training

extension CoordinatorPart.Mode: ExpressibleByArgument {}

/// `lockstep train`.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a recipe: alone, under mpirun, or starting mpirun itself with --ranks.",
        discussion: """
            mpirun -n 4 lockstep train RECIPE     four ranks
            lockstep train RECIPE --ranks 4       the same, starting mpirun with sane binding
            lockstep train RECIPE                 one process, one lane a core, no MPI
            lockstep train RECIPE --resume        go on from the newest checkpoint
            """)

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Option(help: "Start mpirun with so many replicas.") var ranks: Int?
    @Option(
        help: "Lanes (threads with a program of their own) of each rank; default: its share of the cores.")
    var lanes: Int?
    @Flag(help: "Go on from the newest checkpoint of the run's folder.") var resume = false
    @Option(help: "The run's folder; default: runs/NAME.") var output: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "A recipe key and its value, key=value; repeatable.")
    var settings: [String] = []
    @Option(help: "Stop after this global step with a checkpoint; the schedule stays.") var maxSteps: Int?
    @Option(help: "colocated: replica rank 0 coordinates; dedicated: rank 0 does nothing else.")
    var coordinator: CoordinatorPart.Mode?
    @Option(help: "Train this many folds, one after the other, and report the mean.") var folds: Int?
    @Flag(help: "Train a classical model on the same samples too, and set it beside the result.")
    var baseline = false
    @Option(
        help:
            "Seconds after which a collective operation that does not end stops the run with 134 (default 300)."
    )
    var timeout: Double?
    @Flag(help: "Print the result as one line of JSON and nothing else.") var json = false

    func validate() throws {
        try Bounds.check("--ranks", ranks)
        try Bounds.check("--lanes", lanes)
        if let timeout, !(timeout > 0 && timeout <= 1e9) {
            throw ValidationError("--timeout must be a number of seconds above 0, is \(timeout)")
        }
        if let maxSteps, maxSteps < 1 {
            throw ValidationError("--max-steps must be at least 1, is \(maxSteps)")
        }
        if folds != nil, maxSteps != nil {
            throw ValidationError("--folds trains whole runs: leave --max-steps out")
        }
        if let folds, folds < 2 { throw ValidationError("--folds must be at least 2, is \(folds)") }
    }

    func run() throws {
        // Read where the communicator is made, in this process or in the ranks that it starts.
        if let timeout { setenv("LOCKSTEP_TIMEOUT", "\(timeout)", 1) }
        if let ranks { try supervise(ranks) }
        let outcomes = Launch.run { communicator -> [TrainOutcome] in
            guard let folds else {
                let outcome = try TrainingRun(options, communicator: communicator).execute()
                if communicator.rank == 0 { report(outcome) }
                return [outcome]
            }
            let validation = try CrossValidation(options, count: folds, communicator: communicator) { fold in
                if !json { FoldReport.line(fold) }
            }
            if communicator.rank == 0 { FoldReport.summary(validation, json: json) }
            return validation.folds.map(\.outcome)
        }
        let isPreempted = outcomes.contains { $0.end == .preempted }
        if isPreempted { Foundation.exit(Diagnostics.ExitCode.preempted.rawValue) }
    }

    private var options: TrainOptions {
        var options = TrainOptions(recipePath: recipe)
        options.overrides = settings
        options.isResumed = resume
        options.output = output
        options.maxSteps = maxSteps
        options.lanes = lanes
        options.coordinator = coordinator
        options.printsJSON = json
        options.trainsBaseline = baseline
        return options
    }

    /// Starts mpirun over this same program and leaves with the job's code.
    private func supervise(_ ranks: Int) throws -> Never {
        // A recipe that cannot be read is told once, here, rather than by a job.
        let parsed = try Recipe(contentsOf: recipe, overrides: settings)
        let isDedicated = (coordinator ?? parsed.coordinator.mode) == .dedicated
        let budget = CPUBudget.current()
        let shards = parsed.training.logicalShards ?? Int.max
        let each = lanes ?? max(1, min(budget.lanes(localReplicas: ranks), shards / ranks))
        let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
        RunSignals.install(second: .isCounted)
        var words = Array(CommandLine.arguments.dropFirst())
        while let place = words.firstIndex(where: { $0 == "--ranks" || $0.hasPrefix("--ranks=") }) {
            words.removeSubrange(place..<min(words.count, place + (words[place] == "--ranks" ? 2 : 1)))
        }
        if lanes == nil { words += ["--lanes", String(each)] }
        let job = MPIRun(
            ranks: ranks + (isDedicated ? 1 : 0), lanes: each, command: [program] + words, budget: budget)
        let code = try job.run()
        if code == Diagnostics.ExitCode.killed.rawValue {
            note(
                "lockstep: a rank was killed (mpirun names it above); go on from the last checkpoint with --resume"
            )
        }
        Foundation.exit(code)
    }

    private func report(_ outcome: TrainOutcome) {
        if json { return say(ResultLine.json(outcome)) }
        if let text = outcome.report { say(text) }
        switch outcome.end {
        case .completed: note("done after step \(outcome.step)")
        case .stoppedEarly: note("stopped early after step \(outcome.step): the evaluations got no better")
        case .stepLimit: note("stopped after step \(outcome.step) as asked; go on with --resume")
        case .preempted:
            note("stopped by a signal after step \(outcome.step), state saved; go on with --resume")
        }
        say("run: \(outcome.folder)")
    }
}
