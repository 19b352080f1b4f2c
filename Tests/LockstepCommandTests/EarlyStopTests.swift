import Foundation
import Testing

extension CommandTests {
    /// Early stopping ends a run at the same step with the same bits, whoever evaluates and wherever it was interrupted.
    @Suite struct EarlyStopTests {
        static let recipe = Lockstep.recipe("breast-cancer")
        static let words = [
            "--set", "coordinator.earlyStopping.patience=2", "--set", "training.optimizer.rate=0.02",
            "--json",
        ]

        struct End: Equatable {
            var end: String
            var step: Int
            var hash: String

            init(_ result: CommandResult) throws {
                #expect(result.exitCode == 0, "\(result.everything)")
                let json = try RunFiles.json(result.output)
                end = try #require(json["end"] as? String)
                step = try #require(json["step"] as? Int)
                hash = try #require(json["hash"] as? String)
            }
        }

        @Test func sameEndForEveryStart() throws {
            var ends: [End] = []
            var logs: [[String]] = []
            let starts: [Start] = [
                .alone(lanes: 1), .alone(lanes: 3), .supervised(ranks: 2),
                .supervised(ranks: 2, isDedicated: true),
                .mpirun(ranks: 4, isDedicated: true),
            ]
            for start in starts {
                let workspace = try Workspace()
                let result = try start.train(Self.recipe, ["--output", workspace.at("run")] + Self.words)
                ends.append(try End(result))
                logs.append(try RunFiles.metrics(workspace.at("run")))
            }
            #expect(ends[0].end == "stoppedEarly")
            #expect(ends[0].step % 13 == 0 && ends[0].step < 1300, "at an evaluation boundary: \(ends[0])")
            for (end, log) in zip(ends, logs) {
                #expect(end == ends[0])
                #expect(log == logs[0])
            }
        }

        /// Interrupted one boundary before the end, on it, and in between; then resumed in the other mode.
        @Test func sameEndAfterAResume() throws {
            let workspace = try Workspace()
            let whole = try End(
                Start.alone(lanes: 2).train(Self.recipe, ["--output", workspace.at("whole")] + Self.words))
            for (number, step) in [whole.step - 26, whole.step - 13, whole.step - 5, whole.step].enumerated()
            {
                let output = ["--output", workspace.at("part\(number)")]
                let first: Start =
                    number % 2 == 0 ? .alone(lanes: 1) : .supervised(ranks: 2, isDedicated: true)
                let second: Start =
                    number % 2 == 0 ? .supervised(ranks: 1, isDedicated: true) : .alone(lanes: 4)
                let stopped = try first.train(Self.recipe, output + Self.words + ["--max-steps", "\(step)"])
                #expect(stopped.exitCode == 0, "\(stopped.everything)")
                let resumed = try End(second.train(Self.recipe, output + Self.words + ["--resume"]))
                #expect(resumed == whole, "interrupted at step \(step)")
                #expect(
                    try RunFiles.metrics(workspace.at("part\(number)"))
                        == RunFiles.metrics(workspace.at("whole")))
            }
        }

        /// The report is of the best checkpoint, which retention never removes.
        @Test func theBestIsKeptAndEvaluated() throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let result = try Start.alone(lanes: 2).train(Self.recipe, ["--output", folder] + Self.words)
            let state = try RunFiles.state(folder)
            let best = try #require(state.bestStep)
            #expect(best < state.step, "\(result.everything)")
            let name = "step-" + String(repeating: "0", count: 8 - "\(best)".count) + "\(best)"
            #expect(RunFiles.checkpoints(folder).contains { $0.hasSuffix(name) })
            let report = try String(contentsOfFile: folder + "/report.txt", encoding: .utf8)
            #expect(report.contains(name), "\(report)")
            let evaluation = try Lockstep.run(["evaluate", folder, "--split", "validation", "--json"])
            let loss = try RunFiles.json(evaluation.output)["loss"] as? Double
            #expect(loss == state.bestValue)
        }
    }
}
