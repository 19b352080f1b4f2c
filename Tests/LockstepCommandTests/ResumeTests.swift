import Foundation
import Testing

extension CommandTests {
    /// A run that stopped and goes on has the bits of one that never stopped.
    @Suite struct ResumeTests {
        typealias Bits = SameBitsTests

        static let pairs: [(Start, Start)] = [
            (.alone(lanes: 1), .alone(lanes: 1)),
            (.alone(lanes: 2), .supervised(ranks: 3)),
            (.supervised(ranks: 4), .alone(lanes: 2)),
            (.supervised(ranks: 2, isDedicated: true), .alone(lanes: 3)),
            (.alone(lanes: 4), .supervised(ranks: 2, lanes: 2, isDedicated: true)),
            (.nodes(ranks: 3, perNode: 2), .mpirun(ranks: 2)),
        ]

        @Test(arguments: pairs)
        func stoppedAtStep37(_ first: Start, _ second: Start) throws {
            let reference = try Bits.reference.get()
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let words = ["--output", folder] + Bits.words
            let stopped = try first.train(Bits.recipe, words + ["--max-steps", "37"])
            #expect(stopped.exitCode == 0, "\(stopped.everything)")
            #expect(try RunFiles.state(folder).step == 37)
            #expect(try Lockstep.hash(folder) != reference.hash)
            let resumed = try second.train(Bits.recipe, words + ["--max-steps", "60", "--resume"])
            #expect(resumed.exitCode == 0, "\(resumed.everything)")
            #expect(try Lockstep.hash(folder) == reference.hash)
            #expect(try RunFiles.metrics(folder) == reference.metrics)
        }

        /// Optimizer state that lies in shares on several nodes is saved whole, by a coordinator of its own too, and handed
        /// out to another number of nodes.
        @Test(arguments: [
            (Start.nodes(ranks: 4, perNode: 2, isDedicated: true), Start.nodes(ranks: 3, perNode: 1), 1, 2),
            (.nodes(ranks: 4, perNode: 1), .nodes(ranks: 4, perNode: 2, isDedicated: true), 2, 1),
            (.nodes(ranks: 2, perNode: 1), .alone(lanes: 2), 2, 0),
            (.mpirun(ranks: 2), .nodes(ranks: 2, perNode: 1), 0, 1),
        ])
        func sharesOfState(_ first: Start, _ second: Start, stage: Int, then next: Int) throws {
            let reference = try Bits.reference.get()
            let workspace = try Workspace()
            let folder = workspace.at("run")
            func words(_ stage: Int) -> [String] {
                ["--output", folder, "--set", "training.exchange.zeroStage=\(stage)"] + Bits.words
            }
            let stopped = try first.train(Bits.recipe, words(stage) + ["--max-steps", "37"])
            #expect(stopped.exitCode == 0, "\(stopped.everything)")
            let resumed = try second.train(Bits.recipe, words(next) + ["--max-steps", "60", "--resume"])
            #expect(resumed.exitCode == 0, "\(resumed.everything)")
            #expect(try Lockstep.hash(folder) == reference.hash)
            #expect(try RunFiles.metrics(folder) == reference.metrics)
        }

        /// One step at a time around the end of an epoch, then to the end: metrics, patience and best included.
        @Test func stoppedAtEveryStep() throws {
            let reference = try Bits.reference.get()
            let workspace = try Workspace()
            let folder = workspace.at("run")
            for step in [1, 12, 13, 14, 25, 26, 27, 59, 60] {
                let resume = step == 1 ? [] : ["--resume"]
                let words = ["--output", folder, "--max-steps", "\(step)"] + Bits.words + resume
                let result = try Start.alone(lanes: 1 + step % 4).train(Bits.recipe, words)
                #expect(result.exitCode == 0, "\(result.everything)")
                #expect(try RunFiles.state(folder).step == step)
            }
            #expect(try Lockstep.hash(folder) == reference.hash)
            #expect(try RunFiles.metrics(folder) == reference.metrics)
        }

        /// Lines of steps after the checkpoint belong to a past that did not happen.
        @Test func metricsAreCutBack() throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let words = ["--output", folder] + Bits.words
            _ = try Start.alone(lanes: 1).train(Bits.recipe, words + ["--max-steps", "37"])
            let file = folder + "/metrics.jsonl"
            let before = try String(contentsOfFile: file, encoding: .utf8)
            let later = #"{"kind":"train","step":40,"epoch":3,"loss":9}"# + "\n" + #"{"kind":"tra"#
            try (before + later).write(toFile: file, atomically: true, encoding: .utf8)
            let result = try Start.alone(lanes: 1).train(
                Bits.recipe, words + ["--max-steps", "60", "--resume"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(try RunFiles.metrics(folder) == Bits.reference.get().metrics)
        }

        /// Going on after the end changes nothing and says so.
        @Test func resumeOfAFinishedRun() throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let words = ["--output", folder, "--set", "training.epochs=2", "--json"]
            let first = try Start.alone(lanes: 2).train(Bits.recipe, words)
            let again = try Start.alone(lanes: 1).train(Bits.recipe, words + ["--resume"])
            #expect(first.exitCode == 0 && again.exitCode == 0, "\(again.everything)")
            #expect(first.output == again.output)
        }

        @Test func moreEpochsGoOn() throws {
            let whole = try Workspace()
            let parts = try Workspace()
            func train(_ workspace: Workspace, _ words: [String]) throws -> CommandResult {
                let result = try Start.alone(lanes: 2).train(
                    Bits.recipe, ["--output", workspace.at("run"), "--json"] + words)
                #expect(result.exitCode == 0, "\(result.everything)")
                return result
            }
            let once = try train(whole, ["--set", "training.epochs=5"])
            _ = try train(parts, ["--set", "training.epochs=3"])
            let twice = try train(parts, ["--set", "training.epochs=5", "--resume"])
            let hashes = try [once, twice].map { try RunFiles.json($0.output)["hash"] as? String }
            #expect(hashes[0] != nil && hashes[0] == hashes[1])
            #expect(try RunFiles.metrics(whole.at("run")) == RunFiles.metrics(parts.at("run")))
        }
    }
}
