import Foundation
import Testing

extension CommandTests {
    /// A container's small /dev/shm, made for real in a mount namespace, where that is allowed.
    @Suite(.enabled(if: SmallSharedMemory.isPossible)) struct SmallSharedMemoryTests {
        private func train(
            _ size: String, _ folder: String, environment: [String: String] = [:]
        ) throws -> CommandResult {
            // About 6 million parameters: arenas of 100 MB for two ranks.
            let train = [
                "mpirun", "-n", "2", "--oversubscribe", try Lockstep.program(), "train",
                Lockstep.recipe("breast-cancer"), "--output", folder, "--lanes", "1", "--max-steps", "3",
                "--set",
                "'model.hidden=[2400, 2400]'",
            ]
            return try RunningCommand(
                SmallSharedMemory.words(size, train.joined(separator: " ")), environment: environment
            ).wait()
        }

        @Test func itDoesNotMatter() throws {
            let workspace = try Workspace()
            let small = try train("64m", workspace.at("small"))
            #expect(small.exitCode == 0, "\(small.everything)")
            let messages = try train(
                "64m", workspace.at("messages"), environment: ["LOCKSTEP_SHARED_MEMORY": "none"])
            #expect(messages.exitCode == 0, "\(messages.everything)")
            let alone = try Lockstep.run([
                "train", Lockstep.recipe("breast-cancer"), "--output", workspace.at("alone"), "--lanes", "2",
                "--max-steps", "3", "--set", "model.hidden=[2400, 2400]",
            ])
            #expect(alone.exitCode == 0, "\(alone.everything)")
            #expect(try Lockstep.hash(workspace.at("small")) == Lockstep.hash(workspace.at("alone")))
            #expect(try Lockstep.hash(workspace.at("messages")) == Lockstep.hash(workspace.at("alone")))
        }

        /// Windows lie in /dev/shm: what does not fit is found before training, never by a fault.
        @Test func windowsThatDoNotFitAreRefused() throws {
            let workspace = try Workspace()
            let result = try train(
                "64m", workspace.at("run"), environment: ["LOCKSTEP_SHARED_MEMORY": "window"])
            #expect(result.exitCode == 73, "\(result.everything)")
            #expect(
                result.errors.contains("bytes free") && result.errors.contains("--shm-size"),
                "\(result.errors)")
            #expect(RunFiles.checkpoints(workspace.at("run")).isEmpty)
        }
    }
}

/// Commands in a mount namespace of their own with a /dev/shm of a given size.
enum SmallSharedMemory {
    static func words(_ size: String, _ command: String) -> [String] {
        ["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=\(size) tmpfs /dev/shm && exec \(command)"]
    }

    /// Whether this user may make one.
    static let isPossible =
        (try? RunningCommand(words("1m", "true")).wait(limit: 10))?.exitCode == 0
}
