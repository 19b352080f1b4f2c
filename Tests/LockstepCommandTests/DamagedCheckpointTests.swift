import Foundation
import Testing

extension CommandTests {
    /// A damaged checkpoint is named and passed over for the one before; where none is whole, nothing starts afresh.
    @Suite struct DamagedCheckpointTests {
        typealias Bits = SameBitsTests
        static let words = Bits.words + ["--set", "coordinator.checkpointEvery={steps: 10}"]

        /// A run of 40 steps with checkpoints at 30 and 40, and the best.
        private func makeRun() throws -> (workspace: Workspace, folder: String) {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let result = try train(folder, ["--max-steps", "40"])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(RunFiles.checkpoints(folder).count >= 2)
            return (workspace, folder)
        }

        private func train(_ folder: String, _ words: [String]) throws -> CommandResult {
            try Start.alone(lanes: 2).train(Bits.recipe, ["--output", folder] + Self.words + words)
        }

        @Test(arguments: ["model.safetensors", "optimizer.safetensors"])
        func aFlippedBitIsPassedOver(_ file: String) throws {
            let (workspace, folder) = try makeRun()
            let last = try #require(RunFiles.checkpoints(folder).last)
            try RunFiles.flipBit(last + "/" + file, beforeEnd: 100)
            let inspected = try Lockstep.run(["inspect", folder])
            #expect(inspected.exitCode == 0 && !inspected.output.contains("step            40 "))
            #expect(inspected.errors.contains("warning:"), "\(inspected.everything)")
            let resumed = try train(folder, ["--max-steps", "60", "--resume"])
            #expect(resumed.exitCode == 0, "\(resumed.everything)")
            for name in ["warning:", "step-00000040", file, "layers."] {
                #expect(resumed.errors.contains(name), "\(name) in: \(resumed.errors)")
            }
            #expect(try Lockstep.hash(folder) == Bits.reference.get().hash)
            #expect(try RunFiles.metrics(folder) == Bits.reference.get().metrics)
            withExtendedLifetime(workspace) {}
        }

        @Test(arguments: ["manifest.json", "data.json", "model.safetensors"])
        func aMissingOrCutFileIsPassedOver(_ file: String) throws {
            let (workspace, folder) = try makeRun()
            let last = try #require(RunFiles.checkpoints(folder).last)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: last + "/" + file))
            try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: last + "/" + file))
            let cut = try Lockstep.run(["inspect", folder, "--hash"])
            #expect(cut.exitCode == 0 && cut.errors.contains(file), "\(cut.everything)")
            try FileManager.default.removeItem(atPath: last + "/" + file)
            let missing = try Lockstep.run(["inspect", folder, "--hash"])
            #expect(missing.exitCode == 0 && missing.errors.contains(file), "\(missing.everything)")
            #expect(cut.output == missing.output)
            withExtendedLifetime(workspace) {}
        }

        @Test func allDamagedIsAnError() throws {
            let (workspace, folder) = try makeRun()
            for path in RunFiles.checkpoints(folder) {
                try RunFiles.flipBit(path + "/model.safetensors", beforeEnd: 40)
            }
            let before = try RunFiles.contents(folder).filter { $0.key != "run.lock" }
            let results = [
                try train(folder, ["--resume"]), try Lockstep.run(["inspect", folder]),
                try Lockstep.run(["evaluate", folder]),
                try Lockstep.run([
                    "predict", folder, "--input", Lockstep.root + "/launch/recipes/data/iris.csv",
                ]),
                try Lockstep.run(
                    ["train", Bits.recipe, "--output", folder, "--resume", "--ranks", "2"] + Self.words),
            ]
            for result in results {
                #expect(result.exitCode == 65, "\(result.everything)")
                #expect(result.errors.contains("model.safetensors"), "\(result.everything)")
            }
            #expect(try RunFiles.contents(folder).filter { $0.key != "run.lock" } == before, "nothing lost")
            withExtendedLifetime(workspace) {}
        }

        /// The best checkpoint is damaged: another one speaks for the run, with a warning.
        @Test func aDamagedBestIsReplaced() throws {
            let (workspace, folder) = try makeRun()
            let best = try #require(try RunFiles.state(folder).bestStep)
            let name = "step-" + String(repeating: "0", count: 8 - "\(best)".count) + "\(best)"
            try RunFiles.flipBit("\(folder)/checkpoints/\(name)/model.safetensors", beforeEnd: 40)
            let result = try Lockstep.run(["evaluate", folder])
            #expect(result.exitCode == 0, "\(result.everything)")
            #expect(
                result.errors.contains("warning:") && result.errors.contains(name), "\(result.everything)")
            withExtendedLifetime(workspace) {}
        }
    }
}
