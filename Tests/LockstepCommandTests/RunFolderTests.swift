import Foundation
import Testing

extension CommandTests {
    /// What a run folder refuses, and that a refusal changes nothing in it.
    @Suite struct RunFolderTests {
        static let recipe = Lockstep.recipe("breast-cancer")

        /// A run of 20 steps in a folder of its own.
        private func makeRun(_ words: [String] = []) throws -> (workspace: Workspace, folder: String) {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let result = try Lockstep.run(
                ["train", Self.recipe, "--output", folder, "--max-steps", "20", "--lanes", "1"] + words)
            #expect(result.exitCode == 0, "\(result.everything)")
            return (workspace, folder)
        }

        @Test(arguments: [Start.alone(lanes: 5), .supervised(ranks: 5), .supervised(ranks: 3, lanes: 2)])
        func moreLanesThanShards(_ start: Start) throws {
            let workspace = try Workspace()
            let result = try start.train(Self.recipe, ["--output", workspace.at("run"), "--max-steps", "5"])
            #expect(result.exitCode == 78, "\(result.everything)")
            #expect(result.errors.contains("remedy:") && result.errors.contains("logicalShards"))
            #expect(!FileManager.default.fileExists(atPath: workspace.at("run")), "nothing left behind")
        }

        @Test func moreLanesThanShardsAtAResume() throws {
            let (workspace, folder) = try makeRun()
            let hash = try Lockstep.hash(folder)
            let result = try Start.alone(lanes: 5).train(Self.recipe, ["--output", folder, "--resume"])
            #expect(result.exitCode == 78, "\(result.everything)")
            #expect(try Lockstep.hash(folder) == hash)
            withExtendedLifetime(workspace) {}
        }

        @Test(arguments: [Start.alone(lanes: 1), .supervised(ranks: 2)])
        func anExistingRunIsNotOverwritten(_ start: Start) throws {
            let (workspace, folder) = try makeRun()
            let before = try RunFiles.contents(folder)
            let result = try start.train(Self.recipe, ["--output", folder, "--max-steps", "30"])
            #expect(result.exitCode == 73, "\(result.everything)")
            #expect(result.errors.contains("--resume") && result.errors.contains(folder))
            #expect(try RunFiles.contents(folder) == before)
            withExtendedLifetime(workspace) {}
        }

        @Test func resumeWithoutARun() throws {
            let workspace = try Workspace()
            let result = try Start.alone(lanes: 1).train(
                Self.recipe, ["--output", workspace.at("none"), "--resume"])
            #expect(result.exitCode == 65, "\(result.everything)")
            #expect(result.errors.contains("remedy:") && result.errors.contains(workspace.at("none")))
            #expect(!FileManager.default.fileExists(atPath: workspace.at("none")))
        }

        @Test func resumeWithAChangedKey() throws {
            let (workspace, folder) = try makeRun()
            let before = try RunFiles.contents(folder).filter { $0.key != "run.lock" }
            let result = try Start.alone(lanes: 1).train(
                Self.recipe, ["--output", folder, "--resume", "--set", "training.globalBatchSize=16"])
            #expect(result.exitCode == 78, "\(result.everything)")
            #expect(result.errors.contains("training.globalBatchSize was 32, is 16"))
            #expect(try RunFiles.contents(folder).filter { $0.key != "run.lock" } == before)
            withExtendedLifetime(workspace) {}
        }

        @Test func resumeWithOtherEpochsGoesOn() throws {
            let (workspace, folder) = try makeRun()
            let result = try Start.alone(lanes: 1).train(
                Self.recipe, ["--output", folder, "--resume", "--set", "training.epochs=2"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(try RunFiles.state(folder).step == 26)
            withExtendedLifetime(workspace) {}
        }

        @Test func anotherScheduleLengthWarns() throws {
            let cosine = ["--set", "training.schedule.kind=cosine"]
            let (workspace, folder) = try makeRun(cosine)
            let result = try Start.alone(lanes: 1).train(
                Self.recipe, ["--output", folder, "--resume", "--set", "training.epochs=2"] + cosine)
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(result.errors.contains("warning:") && result.errors.contains("stretches"))
            withExtendedLifetime(workspace) {}
        }

        @Test func twoProcessesAndOneFolder() throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let first = try Lockstep.start(["train", Self.recipe, "--output", folder] + LongRun.words)
            #expect(eventually(within: 20) { !RunFiles.checkpoints(folder).isEmpty })
            let fresh = try Start.alone(lanes: 1).train(Self.recipe, ["--output", folder] + LongRun.words)
            #expect(fresh.exitCode == 73, "\(fresh.everything)")
            for start in [Start.alone(lanes: 1), .supervised(ranks: 2)] {
                let second = try start.train(Self.recipe, ["--output", folder, "--resume"] + LongRun.words)
                #expect(second.exitCode == 73, "\(second.everything)")
                #expect(second.errors.contains("locked by pid"))
            }
            #expect(first.isRunning)
            first.send(SIGTERM)
            let result = try first.wait(limit: 20)
            #expect(result.exitCode == 143, "the first went on undisturbed: \(result.everything)")
        }

        /// As any user: a folder under a file cannot be made.
        @Test func aFolderThatCannotBeMade() throws {
            let workspace = try Workspace()
            let file = try workspace.write("", to: "file")
            let result = try Start.alone(lanes: 1).train(Self.recipe, ["--output", file + "/run"])
            #expect(result.exitCode == 73, "\(result.everything)")
            #expect(result.errors.contains("remedy:"))
        }

        @Test(.disabled(if: geteuid() == 0, "root may write everywhere"))
        func aReadOnlyParent() throws {
            let workspace = try Workspace()
            try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: workspace.path)
            let result = try Start.alone(lanes: 1).train(Self.recipe, ["--output", workspace.at("run")])
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: workspace.path)
            #expect(result.exitCode == 73, "\(result.everything)")
        }
    }
}

/// A run that does not end by itself within any test.
enum LongRun {
    static let words = [
        "--set", "training.epochs=1000000", "--set", "coordinator.earlyStopping=null", "--set",
        "coordinator.checkpointEvery={steps: 200}", "--set", "coordinator.logEvery=1000", "--set",
        "model.dropout=0.2",
    ]
}
