import Checkpoints
import Foundation
import Testing

extension CommandTests {
    /// Models that begin with another's numbers, some of them frozen.
    @Suite struct FineTuningTests {
        private func train(_ recipe: String, _ folder: String, _ settings: [String]) throws -> CommandResult {
            try Lockstep.run(
                ["train", recipe, "--output", folder] + settings.flatMap { ["--set", $0] })
        }

        @Test func frozenLayersStayAndOthersLearn() throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            let first = try train(recipe, workspace.at("first"), ["model.hidden=[8, 6]"])
            #expect(first.exitCode == 0, "\(first.everything)")
            let before = try CheckpointReader.open(workspace.at("first"), prefersBest: true).checkpoint.model
            for source in [workspace.at("first"), before.path] {
                let folder = workspace.at("second-\(source.hasSuffix("first"))")
                let second = try train(
                    recipe, folder,
                    [
                        "model.hidden=[8, 6]", "model.from=\(source)", "model.fromExclude=['layers.2.*']",
                        "training.frozen=['layers.0.*']", "seed=9",
                    ])
                #expect(second.exitCode == 0, "\(second.everything)")
                #expect(second.errors.contains("4 of 6 tensors begin as in \(source)"), "\(second.errors)")
                #expect(second.errors.contains("at random: layers.2.bias, layers.2.weight"))
                let after = try CheckpointReader.open(folder, prefersBest: true).checkpoint.model
                #expect(try after.floats(of: "layers.0.weight") == before.floats(of: "layers.0.weight"))
                #expect(try after.floats(of: "layers.1.weight") != before.floats(of: "layers.1.weight"))
            }
        }

        /// One step of a rate of almost nothing shows what a run began with.
        @Test func everyRankBeginsWithTheFile() throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            #expect(try train(recipe, workspace.at("first"), []).exitCode == 0)
            let before = try CheckpointReader.open(workspace.at("first"), prefersBest: true).checkpoint.model
            for start in [Start.supervised(ranks: 2), .nodes(ranks: 2, perNode: 1)] {
                let folder = workspace.at(
                    "run-\(start.testDescription)".replacingOccurrences(of: " ", with: "-"))
                let words = ["model.from=\(before.path)", "training.optimizer.rate=1e-30"].flatMap {
                    ["--set", $0]
                }
                let result = try start.train(recipe, ["--output", folder, "--max-steps", "1"] + words)
                #expect(result.exitCode == 0, "\(result.everything)")
                let after = try CheckpointReader.latest(in: folder + "/checkpoints").checkpoint.model
                #expect(try after.floats(of: "layers.0.weight") == before.floats(of: "layers.0.weight"))
            }
        }

        @Test func filesThatDoNotFitAreRefused() throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            #expect(try train(recipe, workspace.at("first"), []).exitCode == 0)
            let cases: [(settings: [String], code: Int32, says: [String])] = [
                (["model.hidden=[9]"], 78, ["layers.1.weight", "[2, 8]", "[2, 9]", "model.fromExclude"]),
                (["model.fromExclude=['*']"], 78, ["no tensor in it has the name"]),
                (["model.from=\(workspace.at("nowhere.safetensors"))"], 74, ["nowhere.safetensors"]),
                (["model.from=null", "model.fromExclude=[a]"], 2, ["needs model.from"]),
            ]
            for (settings, code, says) in cases {
                let result = try train(
                    recipe, workspace.at("second"), ["model.from=\(workspace.at("first"))"] + settings)
                #expect(result.exitCode == code, "\(result.everything)")
                for text in says { #expect(result.errors.contains(text), "\(text) in \(result.errors)") }
                #expect(!FileManager.default.fileExists(atPath: workspace.at("second")))
            }
        }
    }
}
