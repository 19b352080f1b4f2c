import ArgumentParser
import Benchmarks
import Diagnostics
import Supervision
import Training

/// `lockstep bench data`.
struct BenchData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Time a recipe's data pipeline by itself, and what of a training step waits for it.",
        discussion: """
            lockstep bench data --recipe launch/recipes/breast-cancer.yaml --json

            Each lane's samples are decoded by as many threads as there are processors for it. The first epoch decodes what later ones may find in caches. Samples that fit data.residentLimitBytes are \
            decoded when the data is opened; a step's wait is then the copy of its samples.
            """)

    @Option(help: "The recipe, a YAML file.") var recipe: String
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "A recipe key and its value, key=value; repeatable.")
    var settings: [String] = []
    @Option(help: "Lanes of the training steps.") var lanes = 1
    @Option(help: "The longest time that each part takes.") var seconds = 5.0
    @Flag(help: "Print one line of JSON.") var json = false

    func validate() throws {
        try Bounds.check("--lanes", lanes)
        if !(seconds > 0 && seconds <= 3600) {
            throw ValidationError("--seconds must be above 0 and at most 3600, is \(seconds)")
        }
    }

    func run() throws {
        var measured = try RecipeConfiguration(recipe, overrides: settings)
        measured.loaderThreads = max(1, CPUBudget.current().usableCPUs / lanes)
        let subject = DataSubject(
            name: measured.name, sampleCount: measured.sampleCount,
            sampleByteCount: measured.sampleByteCount, isResident: measured.isResident,
            openSeconds: measured.openSeconds, stepsPerEpoch: try measured.stepsPerEpoch(),
            logicalShards: { [measured] in measured.logicalShards ?? $0 },
            makeLoader: { [measured] in try measured.loader(shards: $0, of: $1, startStep: $2) },
            configuration: { [measured] in try measured.configuration(shards: $0) })
        let result = try DataBenchmark(subject, lanes: lanes, seconds: seconds).run()
        say(json ? result.json : result.text)
    }
}
