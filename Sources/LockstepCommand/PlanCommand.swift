import ArgumentParser
import Diagnostics
import Recipes
import Supervision
import Training

/// `lockstep plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show how a recipe will run: graph, fusions, memory, buckets, floating-point operations.")

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "A recipe key and its value, key=value; repeatable.")
    var settings: [String] = []
    @Option(help: "Ranks to plan for.") var ranks = 1
    @Option(help: "Lanes of each rank.") var lanes: Int?

    func validate() throws {
        try Bounds.check("--ranks", ranks)
        try Bounds.check("--lanes", lanes)
    }

    func run() throws {
        let parsed = try Recipe(contentsOf: recipe, overrides: settings)
        say(try RunPlan(parsed, ranks: ranks, lanes: lanes).text)
    }
}
