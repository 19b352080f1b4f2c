import Foundation
import Testing

extension CommandTests {
    /// A rank that is stopped for real: every other says what it waits for, and the job ends.
    @Suite struct HangTests {
        /// Three ranks on one node; four on two; and with an evaluation every ten steps, whose messages hang as well.
        static let cases: [(ranks: Int, environment: [String: String], evaluates: Bool)] = [
            (3, [:], false), (4, ["LOCKSTEP_RANKS_PER_NODE": "2"], false), (3, [:], true),
        ]

        @Test(arguments: cases) func aStoppedRankIsNamed(
            _ job: (ranks: Int, environment: [String: String], evaluates: Bool)
        ) throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let often = ["--set", "coordinator.evaluateEvery={steps: 10}"]
            let command = try RunningCommand(
                ["mpirun", "-n", "\(job.ranks)", "--oversubscribe", try Lockstep.program(), "train"]
                    + [
                        Lockstep.recipe("breast-cancer"), "--output", folder, "--timeout", "3", "--lanes",
                        "1",
                    ]
                    + LongRun.words + (job.evaluates ? often : []), environment: job.environment)
            let hasBegun = eventually(within: 40) {
                RunFiles.checkpoints(folder).count > 1 || !command.isRunning
            }
            #expect(hasBegun && command.isRunning)
            let victim = try #require(command.processes().first { $0.rank == job.ranks - 1 })
            kill(victim.pid, SIGSTOP)
            let stopped = ContinuousClock.now
            let result = try command.wait(limit: 30)
            #expect(result.exitCode == 134, "\(result.everything)")
            #expect(ContinuousClock.now - stopped < .seconds(15))
            #expect(command.isGone(within: 5))
            let reports = result.errors.split(separator: "\n").filter { $0.hasPrefix("lockstep: ") }
            for rank in 0..<(job.ranks - 1) {
                let own = reports.filter { $0.contains("[rank \(rank), step ") }
                #expect(own.count == 1, "rank \(rank) speaks once: \(result.errors)")
                #expect(own.allSatisfy { $0.contains(" number ") }, "\(own)")
            }
            #expect(reports.contains { $0.contains("rank \(job.ranks - 1) (") }, "\(result.errors)")
            #expect(reports.contains { $0.contains(" bytes") }, "\(result.errors)")
        }

        @Test(arguments: ["0", "-1", "nan", "soon"]) func badTimeoutsAreRefused(_ timeout: String) throws {
            let result = try Lockstep.run(["train", Lockstep.recipe("iris"), "--timeout=\(timeout)"])
            #expect(result.exitCode == 2 && result.errors.contains("timeout"), "\(result.everything)")
        }
    }
}
