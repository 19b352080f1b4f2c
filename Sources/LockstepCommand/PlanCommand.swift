import ArgumentParser
import Benchmarks
import Diagnostics
import Graphs
import Recipes
import Supervision
import Training

/// `lockstep plan`.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show how a recipe will run: graph, fusions, memory, buckets, floating-point operations.")

    @Argument(help: "The recipe, a YAML file.") var recipe: String?
    @Option(help: "A reference workload instead: \(Workload.all.map(\.name).joined(separator: ", ")).")
    var workload: String?
    @Option(help: "float32 or bfloat16, for a workload.") var precision: Precision?
    @Option(help: "nothing or everyBlock, for a workload.") var recompute: Recompute?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "A recipe key and its value, key=value; repeatable.")
    var settings: [String] = []
    @Option(help: "Ranks to plan for.") var ranks = 1
    @Option(help: "Nodes over which the ranks are spread evenly.") var nodes = 1
    @Option(help: "Lanes of each rank.") var lanes: Int?

    func validate() throws {
        try Bounds.check("--ranks", ranks)
        try Bounds.check("--nodes", nodes)
        try Bounds.check("--lanes", lanes)
        if ranks % nodes != 0 {
            throw ValidationError("--ranks \(ranks) do not divide among --nodes \(nodes)")
        }
        if (recipe == nil) == (workload == nil) {
            throw ValidationError("give a recipe, or --workload and a name")
        }
        if workload == nil, precision != nil || recompute != nil {
            throw ValidationError(
                "--precision and --recompute need --workload; for a recipe use --set training.precision=… "
                    + "and --set training.recompute=…")
        }
        if workload != nil, !settings.isEmpty || ranks != 1 || nodes != 1 || lanes != nil {
            throw ValidationError("--set, --ranks, --nodes and --lanes need a recipe")
        }
    }

    func run() throws {
        guard let recipe else {
            let workload = try Workload.named(workload ?? "mlp")
            return say(
                try WorkloadPlan(
                    workload, precision: precision ?? .float32, recompute: recompute ?? .nothing
                ).text)
        }
        let parsed = try Recipe(contentsOf: recipe, overrides: settings)
        say(try RunPlan(parsed, ranks: ranks, nodes: nodes, lanes: lanes).text)
    }
}
