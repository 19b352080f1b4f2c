import Foundation
import Testing

extension CommandTests {
    /// Signals and killed ranks, sent for real into the middle of a run that would go on for hours.
    @Suite struct SignalTests {
        static let recipe = Lockstep.recipe("breast-cancer")

        /// A long run under way: it has written a checkpoint.
        private func startLongRun(
            _ words: [String], _ folder: String, environment: [String: String] = [:]
        ) throws -> RunningCommand {
            let command = try Lockstep.start(
                ["train", Self.recipe, "--output", folder] + LongRun.words + words, environment: environment)
            let hasBegun = eventually(within: 30) {
                RunFiles.checkpoints(folder).count > 1 || !command.isRunning
            }
            #expect(hasBegun && command.isRunning)
            return command
        }

        /// The run goes on from its checkpoint for 150 steps with the bits of one that never stopped.
        private func expectSameBitsAfterResume(_ folder: String, _ workspace: Workspace) throws {
            let step = try RunFiles.state(folder).step + 150
            let words = LongRun.words + ["--max-steps", "\(step)"]
            let resumed = try Start.supervised(ranks: 2).train(
                Self.recipe, ["--output", folder, "--resume"] + words)
            #expect(resumed.exitCode == 0, "\(resumed.everything)")
            let whole = try Start.alone(lanes: 2).train(
                Self.recipe, ["--output", workspace.at("whole")] + words)
            #expect(whole.exitCode == 0, "\(whole.everything)")
            #expect(try Lockstep.hash(folder) == Lockstep.hash(workspace.at("whole")))
            #expect(try RunFiles.metrics(folder) == RunFiles.metrics(workspace.at("whole")))
        }

        static let launches: [[String]] = [
            ["--lanes", "2"], ["--ranks", "2"], ["--ranks", "1", "--coordinator", "dedicated"],
        ]

        @Test(arguments: launches, [SIGTERM, SIGUSR1])
        func aSignalSavesAndStops(_ launch: [String], _ signal: Int32) throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let command = try startLongRun(launch, folder)
            let sent = ContinuousClock.now
            command.send(signal)
            let result = try command.wait(limit: 20)
            #expect(ContinuousClock.now - sent < .seconds(5))
            #expect(result.exitCode == 143, "\(result.everything)")
            #expect(result.errors.contains("--resume"), "\(result.errors)")
            #expect(command.isGone(within: 5))
            let facts = try RunFiles.json(String(contentsOfFile: folder + "/run.json", encoding: .utf8))
            #expect(facts["end"] as? String == "preempted")
            #expect(facts["step"] as? Int == (try RunFiles.state(folder).step))
            try expectSameBitsAfterResume(folder, workspace)
        }

        @Test func oneKilledRankEndsTheJob() throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let memory = try SharedMemoryFolder(workspace)
            let command = try startLongRun(["--ranks", "3"], folder, environment: memory.environment)
            #expect(!memory.names.isEmpty, "Open MPI's shared memory lies where we look")
            let worker = try #require(command.processes().first { $0.rank == 1 })
            let killed = ContinuousClock.now
            kill(worker.pid, SIGKILL)
            let result = try command.wait(limit: 20)
            #expect(ContinuousClock.now - killed < .seconds(5))
            #expect(result.exitCode == 137, "\(result.everything)")
            #expect(result.errors.contains("rank 1"), "\(result.errors)")
            #expect(command.isGone(within: 5), "no process is left")
            #expect(memory.names.isEmpty, "no shared memory is left: \(memory.names)")
            try expectSameBitsAfterResume(folder, workspace)
        }

        @Test func aKilledSupervisorLeavesNothing() throws {
            let workspace = try Workspace()
            // mpirun is killed with it and cannot remove its files: they go with this test's folder.
            let memory = try SharedMemoryFolder(workspace)
            let command = try startLongRun(
                ["--ranks", "2"], workspace.at("run"), environment: memory.environment)
            #expect(command.processes().contains { $0.rank == 1 })
            command.send(SIGKILL)
            let result = try command.wait(limit: 20)
            #expect(result.exitCode == 137)
            #expect(command.isGone(within: 10), "\(command.processes())")
            try expectSameBitsAfterResume(workspace.at("run"), workspace)
        }

        /// The run's own numbers leave float32: every rank sees it in the same step.
        @Test(arguments: [Start.alone(lanes: 2), .supervised(ranks: 2), .mpirun(ranks: 3, isDedicated: true)])
        func nonFiniteNumbersEndTheJob(_ start: Start) throws {
            let workspace = try Workspace()
            let recipe = try workspace.tableRecipe(
                Workspace.table { "\($0 % 2 == 0 ? "" : "-")3e38,1e38,\($0 % 3 == 0 ? "high" : "low")" })
            let result = try start.train(
                recipe, ["--output", workspace.at("run"), "--set", "training.optimizer.rate=1000"])
            #expect(result.exitCode == 17, "\(result.everything)")
            #expect(!result.crashed && result.duration < .seconds(15))
            #expect(result.errors.contains("step 2") && result.errors.contains("remedy:"), "\(result.errors)")
            if case .alone = start { return }
            #expect(result.errors.contains("rank 1, step 2"), "\(result.errors)")
        }

        /// Ranks that differ are found before the first step, with both values.
        @Test(arguments: [
            (["-x", "ONEDNN_MAX_CPU_ISA=AVX2"], [String](), "instruction set"),
            ([], ["--max-steps", "7"], "last step"),
        ])
        func ranksThatDiffer(_ options: [String], _ words: [String], _ name: String) throws {
            let workspace = try Workspace()
            let program = try Lockstep.program()
            let train = [program, "train", Self.recipe, "--output", workspace.at("run"), "--lanes", "1"]
            let result = try Lockstep.mpirun(
                ["--oversubscribe", "-n", "1"] + train + ["--max-steps", "9", ":", "-n", "1"] + options
                    + train
                    + (words.isEmpty ? ["--max-steps", "9"] : words))
            #expect(result.exitCode == 78, "\(result.everything)")
            #expect(result.errors.contains(name), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: workspace.at("run")))
        }
    }
}

/// A folder that Open MPI uses for its shared memory and session files instead of /dev/shm and /tmp.
struct SharedMemoryFolder {
    private let path: String

    init(_ workspace: Workspace) throws {
        path = workspace.at("shm")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    var environment: [String: String] {
        [
            "OMPI_MCA_btl_vader_backing_directory": path, "OMPI_MCA_osc_sm_backing_directory": path,
            "TMPDIR": path,
        ]
    }

    /// The files in it.
    var names: [String] {
        ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path + "/" + name, isDirectory: &isFolder)
                && !isFolder.boolValue
        }
    }
}
