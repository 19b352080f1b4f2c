import Foundation
import Testing

extension CommandTests {
    /// `sweep`: what it trains, what it keeps, and how it goes on.
    @Suite struct SweepTests {
        let workspace: Workspace
        let recipe: String
        let folder: String

        init() throws {
            workspace = try Workspace()
            folder = workspace.at("sweep")
            try workspace.write(Workspace.table(Workspace.goodRow), to: "table.csv")
            recipe = try workspace.write(
                """
                name: small
                task: classification
                data:
                  path: table.csv
                  label: label
                  split: {kind: ranges, train: 0..40, validation: 40..52, test: 52..64}
                model: {kind: dense, hidden: [8]}
                training: {globalBatchSize: 8, logicalShards: 4, epochs: 6}
                """ + "\n", to: "small.yaml")
        }

        private func sweep(_ words: [String]) throws -> CommandResult {
            try Lockstep.run(["sweep", recipe, "--output", folder] + words)
        }

        private func document() throws -> [String: Any] {
            try RunFiles.json(String(contentsOfFile: folder + "/sweep.json", encoding: .utf8))
        }

        private static let rates = ["--over", "training.optimizer.rate=0.0000001,0.01,0.1"]

        @Test func aGridIsTrainedAndTheBestIsFound() throws {
            let result = try sweep(Self.rates + ["--over", "model.hidden=[4],[8,4]", "--metric", "accuracy"])
            #expect(result.exitCode == 0, "\(result.everything)")
            let trials = try #require(try document()["trials"] as? [[String: Any]])
            #expect(trials.count == 6 && trials.allSatisfy { $0["steps"] as? Int == 30 })
            let values = trials.compactMap { $0["value"] as? Double }
            #expect(values.count == 6 && values == values.sorted(by: >))
            let best = try #require(trials[0]["folder"] as? String)
            #expect(try document()["best"] as? Int == trials[0]["number"] as? Int)
            #expect(result.output.contains("lockstep evaluate \(best)"))
            // What it says is what an evaluation on the validation split says.
            let evaluated = try Lockstep.run(["evaluate", best, "--split", "validation", "--json", "-"])
            #expect(try RunFiles.json(evaluated.output)["accuracy"] as? Double == values[0])
            // The printed command trains the same model.
            let line = try #require(
                result.output.split(separator: "\n").first { $0.contains("lockstep train") })
            for setting in try #require(trials[0]["settings"] as? [String]) {
                #expect(line.contains(setting))
            }
        }

        @Test func aSweepThatWasStoppedGoesOn() throws {
            let words = ["--over", "seed=1,2,3,4,5,6", "--parallel", "1", "--json", "-"]
            let running = try Lockstep.start(["sweep", recipe, "--output", folder] + words)
            let isThere = eventually(within: 30) {
                FileManager.default.fileExists(atPath: folder + "/trial-002.json")
            }
            #expect(isThere)
            for process in running.processes() { kill(process.pid, SIGKILL) }
            _ = try running.wait()
            #expect(running.isGone(within: 10))
            let before = try RunFiles.contents(folder + "/trial-001")
            let result = try sweep(words)
            #expect(result.exitCode == 0, "\(result.everything)")
            let document = try RunFiles.json(result.output)
            let trials = try #require(document["trials"] as? [[String: Any]])
            #expect(trials.count == 6 && trials.allSatisfy { $0["value"] is Double })
            #expect(try RunFiles.contents(folder + "/trial-001") == before, "it was not touched again")
            // All finished: nothing is trained, the table is the same.
            let again = try sweep(words)
            #expect(again.exitCode == 0 && again.output == result.output && !again.errors.contains("trial"))
            let other = try sweep(["--over", "seed=1,2,3", "--parallel", "1"])
            #expect(other.exitCode == 78 && other.errors.contains("over"), "\(other.everything)")
        }

        @Test func aRequestToStopEndsItInGoodOrder() throws {
            let words = ["sweep", recipe, "--output", folder, "--parallel", "1"]
            let long = words + ["--over", "seed=1,2", "--set", "training.epochs=200000"]
            let running = try Lockstep.start(long)
            #expect(eventually(within: 30) { !RunFiles.checkpoints(folder + "/trial-001").isEmpty })
            running.send(SIGTERM)
            let result = try running.wait()
            #expect(
                result.exitCode == 143 && result.errors.contains("start it again"), "\(result.everything)")
            #expect(running.isGone(within: 10))
        }

        @Test func halvingStopsBadTrialsEarly() throws {
            let rates = "0.0000001,0.0000002,0.0000003,0.0000004,0.0000005,0.0000006,0.01,0.02,0.03"
            let result = try sweep([
                "--over", "training.optimizer.rate=\(rates)", "--halving", "--metric", "loss",
            ])
            #expect(result.exitCode == 0, "\(result.everything)")
            let trials = try #require(try document()["trials"] as? [[String: Any]])
            // 9, 3 and 1 trials of 30 / 9, 30 / 3 and 30 steps.
            let steps = trials.compactMap { $0["steps"] as? Int }
            #expect(steps == [30, 10, 10, 3, 3, 3, 3, 3, 3], "\(steps)")
            #expect(trials.prefix(3).allSatisfy { ($0["number"] as? Int ?? 0) > 6 })
            // A trial that was stopped and went on is the run that never stopped.
            let best = try #require(trials[0]["settings"] as? [String])
            let straight = workspace.at("straight")
            let trained = try Lockstep.run(
                ["train", recipe, "--output", straight, "--lanes", "1"]
                    + (best + ["coordinator.evaluationSplit=validation"]).flatMap { ["--set", $0] })
            #expect(trained.exitCode == 0, "\(trained.everything)")
            let own = try #require(trials[0]["folder"] as? String)
            #expect(try Lockstep.hash(own) == Lockstep.hash(straight))
        }

        @Test func ranksShareTheTrials() throws {
            let words = ["sweep", recipe, "--output", folder, "--json", "-"] + Self.rates
            let result = try Lockstep.mpirun(2, words)
            #expect(result.exitCode == 0, "\(result.everything)")
            let trials = try #require(try RunFiles.json(result.output)["trials"] as? [[String: Any]])
            let other = workspace.at("alone")
            let alone = try Lockstep.run(["sweep", recipe, "--output", other, "--json", "-"] + Self.rates)
            let expected = try #require(try RunFiles.json(alone.output)["trials"] as? [[String: Any]])
            #expect(trials.map { $0["value"] as? Double } == expected.map { $0["value"] as? Double })
        }

        @Test func aTrialThatFailsIsTold() throws {
            let result = try sweep([
                "--over", "training.optimizer.rate=0.01,1e30", "--set", "training.optimizer.kind=sgd",
                "--set", "model.activation=gelu",
            ])
            #expect(result.exitCode == 0, "\(result.everything)")
            let trials = try #require(try document()["trials"] as? [[String: Any]])
            #expect(trials[0]["value"] is Double && trials[1]["failure"] is String, "\(trials)")
        }

        @Test func whatCannotBeIsRefused() throws {
            let key = try sweep(["--over", "training.optimizer.rat=1,2"])
            #expect(key.exitCode == 2 && key.errors.contains("'rate'"), "\(key.everything)")
            let value = try sweep(["--over", "training.optimizer.rate=0.1,fast"])
            #expect(value.exitCode == 2 && value.errors.contains("fast"), "\(value.everything)")
            let rows = try sweep(Self.rates + ["--set", "data.split.validation=null"])
            #expect(rows.exitCode == 2 && rows.errors.contains("data.split.validation"), "\(rows.everything)")
            let metric = try sweep(Self.rates + ["--metric", "acuracy"])
            #expect(metric.exitCode == 2 && metric.errors.contains("accuracy"), "\(metric.everything)")
            #expect(!FileManager.default.fileExists(atPath: folder), "nothing is left behind")
            let none = try sweep([])
            #expect(none.exitCode == 2 && none.errors.contains("--over"), "\(none.everything)")
        }
    }
}
