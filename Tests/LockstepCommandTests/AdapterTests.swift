import Checkpoints
import Foundation
import Testing

extension CommandTests {
    /// Low-rank adapters from the recipe to predictions: what learns, what is saved, and what must lie beside it.
    @Suite struct AdapterTests {
        let workspace: Workspace
        let recipe: String
        /// The run that adapters are trained on.
        let base: String

        static let hidden = "model.hidden=[16, 12]"
        static let adapters = "model.adapters={rank: 2, alpha: 4, on: [layers.0, '1']}"

        init() throws {
            workspace = try Workspace()
            recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            base = workspace.at("base")
            let result = try Lockstep.run(["train", recipe, "--output", base, "--set", Self.hidden])
            #expect(result.exitCode == 0, "\(result.everything)")
        }

        private func train(_ name: String, _ settings: [String] = [], words: [String] = []) throws
            -> CommandResult
        {
            let all = [Self.hidden, "model.from=\(base)", Self.adapters, "seed=5"] + settings
            return try Lockstep.run(
                ["train", recipe, "--output", workspace.at(name)] + words + all.flatMap { ["--set", $0] })
        }

        private func predictions(_ run: String, _ words: [String] = []) throws -> [String] {
            let result = try Lockstep.run(
                ["predict", run, "--input", workspace.at("table.csv")] + words)
            #expect(result.exitCode == 0, "\(result.everything)")
            return result.output.split(separator: "\n").map(String.init)
        }

        private func checkpoint(_ run: String) throws -> LoadedCheckpoint {
            try CheckpointReader.open(run, prefersBest: true).checkpoint
        }

        @Test func adaptersAndANewHeadLearnAndAreAllThatIsSaved() throws {
            let result = try train("adapted", ["model.fromExclude=['layers.2.*']"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(
                result.errors.contains("4 of 10 tensors begin as in \(base) and stay"), "\(result.errors)")
            let saved = try checkpoint(workspace.at("adapted"))
            let names =
                ["layers.0.lora_A", "layers.0.lora_B", "layers.1.lora_A", "layers.1.lora_B"].map {
                    $0 + ".weight"
                } + ["layers.2.bias", "layers.2.weight"]
            #expect(saved.model.entries.map(\.name).sorted() == names)
            #expect(
                saved.optimizer.entries.map(\.name).sorted()
                    == names.flatMap { [$0 + ".exp_avg", $0 + ".exp_avg_sq"] })
            #expect(saved.model.entry(named: "layers.0.lora_B.weight")?.shape == [16, 2])
            #expect(try saved.model.floats(of: "layers.0.lora_B.weight").contains { $0 != 0 })
            #expect(saved.manifest.base?.sha256 == (try checkpoint(base)).modelDigest)
            #expect(try predictions(workspace.at("adapted")) != predictions(base))
            let report = try Lockstep.run(["evaluate", workspace.at("adapted")])
            #expect(report.exitCode == 0, "\(report.everything)")
            let shown = try Lockstep.run(["inspect", workspace.at("adapted")])
            #expect(shown.output.contains("adapters of     \(base)/checkpoints/step-"), "\(shown.output)")
        }

        /// One step of a rate of almost nothing shows what a run begins with.
        @Test func itBeginsAsItsBase() throws {
            let result = try train(
                "adapted", ["training.optimizer.rate=1e-30"], words: ["--max-steps", "1"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(try predictions(workspace.at("adapted")) == predictions(base))
        }

        @Test func aResumedRunHasTheBitsOfOneThatNeverStopped() throws {
            let settings = [
                Self.adapters.replacingOccurrences(of: "alpha: 4", with: "alpha: 4, dropout: 0.2")
            ]
            #expect(try train("whole", settings, words: ["--lanes", "2"]).exitCode == 0)
            #expect(try train("parts", settings, words: ["--max-steps", "11", "--lanes", "1"]).exitCode == 0)
            #expect(try Lockstep.hash(workspace.at("parts")) != Lockstep.hash(workspace.at("whole")))
            let start = Start.supervised(ranks: 2)
            let all = [Self.hidden, "model.from=\(base)", Self.adapters, "seed=5"] + settings
            let resumed = try start.train(
                recipe,
                ["--output", workspace.at("parts"), "--resume"] + all.flatMap { ["--set", $0] })
            #expect(resumed.exitCode == 0, "\(resumed.everything)")
            #expect(try Lockstep.hash(workspace.at("parts")) == Lockstep.hash(workspace.at("whole")))
            #expect(
                try RunFiles.metrics(workspace.at("parts")) == RunFiles.metrics(workspace.at("whole")))
            #expect(try predictions(workspace.at("parts")) == predictions(workspace.at("whole")))
        }

        @Test func theBaseMustBeThereWithTheSameNumbers() throws {
            #expect(try train("adapted", words: ["--max-steps", "11"]).exitCode == 0)
            let run = workspace.at("adapted")
            let before = try predictions(run)
            let (elsewhere, model) = (workspace.at("elsewhere"), try checkpoint(base).model.path)
            let file = workspace.at("model.safetensors")
            try FileManager.default.copyItem(atPath: model, toPath: file)
            try FileManager.default.moveItem(atPath: base, toPath: elsewhere)

            let missing = try Lockstep.run(["evaluate", run])
            #expect(missing.exitCode == 65 && missing.errors.contains("--base PATH"), "\(missing.errors)")
            let stopped = try train("adapted", words: ["--resume"])
            #expect(stopped.exitCode == 65 && stopped.errors.contains("model.from=PATH"), "\(stopped.errors)")
            for place in [elsewhere, file] {
                #expect(try predictions(run, ["--base", place]) == before)
                let report = try Lockstep.run(["evaluate", run, "--base", place])
                #expect(report.exitCode == 0, "\(report.everything)")
            }
            let whole = try Lockstep.run(["evaluate", elsewhere, "--base", elsewhere])
            #expect(whole.exitCode == 2 && whole.errors.contains("leave --base out"), "\(whole.errors)")

            let other = try Lockstep.run(
                ["train", recipe, "--output", base, "--set", Self.hidden, "--set", "seed=77"])
            #expect(other.exitCode == 0)
            let changed = try Lockstep.run(["evaluate", run])
            #expect(changed.exitCode == 78 && changed.errors.contains("other numbers"), "\(changed.errors)")
            #expect(try train("adapted", words: ["--resume"]).exitCode == 78)
            let resumed = try train("adapted", ["model.from=\(elsewhere)"], words: ["--resume"])
            #expect(resumed.exitCode == 0, "\(resumed.everything)")
        }

        @Test func exportMergesThem() throws {
            #expect(try train("adapted").exitCode == 0)
            let (run, file) = (workspace.at("adapted"), workspace.at("merged.safetensors"))
            let onTop = try train("again", ["model.from=\(run)"])
            #expect(onTop.exitCode == 78 && onTop.errors.contains("lockstep export"), "\(onTop.errors)")
            let exported = try Lockstep.run(["export", run, file])
            #expect(exported.exitCode == 0, "\(exported.everything)")
            #expect(
                try SafetensorsFile(path: file).entries.map(\.name).sorted()
                    == checkpoint(base).model.entries.map(\.name).sorted())
            #expect(try Lockstep.run(["export", run, file]).exitCode == 73)
            let begun = try train(
                "begun", ["model.from=\(file)", "model.adapters=null", "training.optimizer.rate=1e-30"],
                words: ["--max-steps", "1"])
            #expect(begun.exitCode == 0, "\(begun.everything)")
            // Classes, and probabilities to the last digits but one.
            func numbers(_ lines: [String]) -> [[Double]] {
                lines.dropFirst().map { $0.split(separator: ",").compactMap { Double($0) } }
            }
            let pairs = zip(
                numbers(try predictions(workspace.at("begun"))).joined(),
                numbers(try predictions(run)).joined())
            #expect(pairs.allSatisfy { abs($0 - $1) < 2e-5 })
            #expect(try predictions(run) != predictions(base))
        }

        @Test func whatDoesNotFitIsRefused() throws {
            let cases: [(settings: [String], says: [String])] = [
                (["model.from=null"], ["model.adapters", "needs model.from"]),
                (["model.adapters={rank: 2}"], ["model.adapters.on"]),
                (["model.adapters={rank: 0, on: ['*']}"], ["model.adapters.rank"]),
                (["model.adapters={on: [layer.0]}"], ["model.adapters.on", "layers.0"]),
            ]
            for (settings, says) in cases {
                let result = try train("adapted", settings)
                #expect(result.exitCode == 2, "\(result.everything)")
                for text in says { #expect(result.errors.contains(text), "\(text) in \(result.errors)") }
                #expect(!FileManager.default.fileExists(atPath: workspace.at("adapted")))
            }
        }
    }
}
