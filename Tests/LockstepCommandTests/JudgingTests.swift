import Foundation
import Testing

extension CommandTests {
    /// `evaluate` and `compare`: what they print, what they write and what they refuse.
    @Suite struct JudgingTests {
        let workspace: Workspace
        /// A run of the recipe, its text beside it.
        let first: String

        init() throws {
            workspace = try Workspace()
            first = workspace.at("first")
            let recipe = try workspace.tableRecipe(Workspace.table(Workspace.goodRow))
            try train(recipe, first, [])
        }

        private var recipe: String { workspace.at("small.yaml") }

        private func train(_ recipe: String, _ folder: String, _ settings: [String]) throws {
            let words = ["train", recipe, "--output", folder, "--lanes", "1"]
            let result = try Lockstep.run(words + settings.flatMap { ["--set", $0] })
            #expect(result.exitCode == 0, "\(result.everything)")
        }

        private func json(_ words: [String]) throws -> [String: Any] {
            let result = try Lockstep.run(words + ["--json", "-"])
            #expect(result.exitCode == 0, "\(result.everything)")
            return try RunFiles.json(result.output)
        }

        @Test func evaluateShowsCurvesAndErrors() throws {
            let file = workspace.at("evaluation.json")
            // The untrained model is wrong often.
            let folder = workspace.at("untrained")
            try train(recipe, folder, ["training.optimizer.rate=0.0000001"])
            let result = try Lockstep.run(["evaluate", folder, "--errors", "3", "--json", file])
            #expect(result.exitCode == 0, "\(result.everything)")
            for text in [
                "expected calibration error", "average precision", "Most confident errors", "table.csv:",
                "taken for", "label=",
            ] { #expect(result.output.contains(text), "\(text) in: \(result.output)") }
            let values = try RunFiles.json(String(contentsOfFile: file, encoding: .utf8))
            let errors = try #require(values["errors"] as? [[String: Any]])
            #expect(errors.count == 3)
            let probabilities = errors.compactMap { $0["probability"] as? Double }
            #expect(probabilities == probabilities.sorted(by: >))
            for error in errors {
                let (truth, place) = (error["trueName"] as? String, error["place"] as? String)
                let line = Int(place?.split(separator: ":").last ?? "") ?? 0
                let rows = try String(contentsOfFile: workspace.at("table.csv"), encoding: .utf8)
                    .split(separator: "\n")
                #expect(rows[line - 1].hasSuffix(try #require(truth)), "\(error)")
            }
            let details = try #require(values["details"] as? [String: Any])
            #expect((details["curves"] as? [Any])?.count == 2)
            #expect(values["split"] as? String == "test" && values["recipe"] as? String == "small")
        }

        @Test func ranksEvaluateToTheSameBytes() throws {
            let words = ["evaluate", first, "--json", "-", "--split", "train"]
            let alone = try Lockstep.run(words)
            let together = try Lockstep.mpirun(3, words)
            #expect(alone.exitCode == 0 && together.exitCode == 0, "\(together.everything)")
            #expect(alone.output == together.output)
        }

        /// Rows that training left out are left out of evaluations too, and both say so, once.
        @Test func evaluateTellsOfRowsLeftOut() throws {
            let recipe = try workspace.tableRecipe(
                Workspace.table(Workspace.goodRow) + "1,2\n", named: "skip.csv")
            let folder = workspace.at("skipping")
            let trained = try Lockstep.run(
                ["train", recipe, "--output", folder, "--lanes", "1", "--set", "data.onBadSample=skip"])
            let note = "1 of 65 rows are not UTF-8, or have another number of fields, and are left out"
            #expect(trained.exitCode == 0, "\(trained.everything)")
            #expect(trained.errors.components(separatedBy: note).count == 2, "\(trained.everything)")
            let evaluated = try Lockstep.run(["evaluate", folder, "--json", "-"])
            #expect(evaluated.exitCode == 0 && evaluated.errors.contains("warning: " + note))
            let warnings = try RunFiles.json(evaluated.output)["warnings"] as? [String]
            #expect(warnings?.count == 1 && warnings?[0].contains("skip.csv:66") == true)
            #expect(try json(["evaluate", first])["warnings"] == nil)
        }

        @Test func compareSetsRunsSideBySide() throws {
            let second = workspace.at("second")
            try train(recipe, second, ["training.optimizer.rate=0.0000001", "seed=9", "model.hidden=[4]"])
            let compared = try json(["compare", first, second])
            let runs = try #require(compared["runs"] as? [[String: Any]])
            #expect(runs.map { $0["run"] as? String } == [first, second])
            #expect(compared["samples"] as? Int == 16 && compared["resamples"] as? Int == 10_000)
            for (run, folder) in zip(runs, [first, second]) {
                let accuracy = try json(["evaluate", folder])["accuracy"] as? Double
                #expect(run["value"] as? Double == accuracy)
                let (low, high) = (run["low"] as? Double ?? 2, run["high"] as? Double ?? -1)
                #expect(low <= accuracy! && accuracy! <= high)
            }
            let p = try #require(runs.compactMap { $0["pValue"] as? Double }.first)
            #expect(p > 0 && p <= 1)
            // The same numbers where the predictions have to be made again.
            try FileManager.default.removeItem(atPath: second + "/predictions.safetensors")
            #expect(NSDictionary(dictionary: try json(["compare", first, second])).isEqual(to: compared))
            let text = try Lockstep.run(["compare", first, second, "--metric", "macroF1"])
            #expect(text.exitCode == 0 && text.output.contains("macroF1"), "\(text.everything)")
            #expect(text.output.contains("*") && text.output.contains("95 % interval"))
        }

        @Test func aClassicalModelIsTrainedBesideTheRun() throws {
            let folder = workspace.at("beside")
            let words = ["train", recipe, "--lanes", "1", "--baseline", "--json", "--output"]
            let result = try Lockstep.run(words + [folder])
            #expect(result.exitCode == 0, "\(result.everything)")
            let line = try RunFiles.json(result.output)
            #expect(line["baseline"] as? String == "features + logistic regression")
            // Which side of one half a number lies on is what such a model can learn.
            #expect(try #require(line["baselineAccuracy"] as? Double) > 0.9)
            let facts = try RunFiles.json(String(contentsOfFile: folder + "/run.json", encoding: .utf8))
            let metrics = (facts["baseline"] as? [String: Any])?["metrics"] as? [String: Double]
            #expect(metrics?["accuracy"] == line["baselineAccuracy"] as? Double)
            let report = try String(contentsOfFile: folder + "/report.txt", encoding: .utf8)
            #expect(report.contains("features + logistic regression") && report.contains("paired bootstrap"))
            let folds = try Lockstep.run(words + [workspace.at("folds"), "--folds", "2"])
            #expect(folds.exitCode == 0, "\(folds.everything)")
            let summary = try RunFiles.json(folds.output)
            #expect(summary["baselineAccuracyMean"] is Double && summary["accuracyDeviation"] is Double)
        }

        @Test func compareRefusesOtherSamples() throws {
            let other = workspace.at("other")
            try train(recipe, other, ["data.split.test=47..63", "data.split.train=0..47"])
            let refused = try Lockstep.run(["compare", first, other])
            #expect(refused.exitCode == 78, "\(refused.everything)")
            #expect(refused.errors.contains(first) && refused.errors.contains(other))
            let fewer = workspace.at("fewer")
            try train(recipe, fewer, ["data.split.test=48..60"])
            let counted = try Lockstep.run(["compare", first, fewer])
            #expect(counted.exitCode == 78 && counted.errors.contains("16 and 12"), "\(counted.everything)")
            let unknown = try Lockstep.run(["compare", first, "--metric", "acuracy"])
            #expect(unknown.exitCode == 2 && unknown.errors.contains("accuracy"), "\(unknown.everything)")
            let nowhere = try Lockstep.run(["compare", first, workspace.at("none")])
            #expect(nowhere.exitCode == 65, "\(nowhere.everything)")
        }
    }
}
