import Foundation
import Testing

extension CommandTests {
    /// A rank that is stopped again and again, most of the time.
    @Suite struct StragglerTests {
        @Test func aSlowRankIsNamedAndChangesNoBit() throws {
            let workspace = try Workspace()
            let words = [
                "--max-steps", "40", "--set", "model.hidden=[3000, 3000]", "--set", "coordinator.logEvery=5",
                "--set", "coordinator.evaluateEvery={steps: 40}", "--set", "training.logicalShards=2",
            ]
            let command = try RunningCommand(
                [
                    "mpirun", "-n", "2", "--oversubscribe", try Lockstep.program(), "train",
                    Lockstep.recipe("breast-cancer"), "--lanes", "1", "--output", workspace.at("slow"),
                ] + words)
            let hasBegun = eventually(within: 30) {
                FileManager.default.fileExists(atPath: workspace.at("slow") + "/metrics.jsonl")
            }
            #expect(hasBegun)
            let victim = try #require(command.processes().first { $0.rank == 1 })
            // A step takes several times as long as it may run at a time.
            while command.isRunning {
                kill(victim.pid, SIGSTOP)
                usleep(40_000)
                kill(victim.pid, SIGCONT)
                usleep(5_000)
            }
            let slow = try command.wait()
            #expect(slow.exitCode == 0, "\(slow.everything)")
            let warnings = slow.errors.split(separator: "\n").filter {
                $0.contains("as long as the median rank")
            }
            #expect(
                warnings.count >= 1 && warnings.allSatisfy { $0.contains("rank 1 took") }, "\(slow.errors)")
            let alone = try Start.alone(lanes: 2).train(
                Lockstep.recipe("breast-cancer"), ["--output", workspace.at("alone")] + words)
            #expect(alone.exitCode == 0, "\(alone.everything)")
            #expect(try Lockstep.hash(workspace.at("slow")) == Lockstep.hash(workspace.at("alone")))
            let lines = try RunFiles.lines(workspace.at("slow"), kind: "ranks")
            #expect(lines.count == 8)
            #expect(lines.allSatisfy { $0["rank"] as? [Double] == [0, 1] })
            let waits = lines.compactMap { $0["waitMilliseconds"] as? [Double] }
            let steps = lines.compactMap { $0["stepMilliseconds"] as? [Double] }
            #expect(waits.count == 8 && steps.count == 8)
            let waited = waits.map { $0[0] }.reduce(0, +) / steps.map { $0[0] }.reduce(0, +)
            #expect(waited > 0.4, "rank 0 waits for rank 1 most of the time: \(waited)")
            #expect(try RunFiles.lines(workspace.at("alone"), kind: "ranks").isEmpty)
        }

        /// Between nodes the bytes are those of the sums: with two nodes of one rank, all gradients each way.
        @Test func sentBytesAreThoseOfTheGradients() throws {
            let workspace = try Workspace()
            let result = try Start.nodes(ranks: 2, perNode: 1).train(
                Lockstep.recipe("breast-cancer"), ["--output", workspace.at("run"), "--max-steps", "40"])
            #expect(result.exitCode == 0, "\(result.everything)")
            let sent = try RunFiles.lines(workspace.at("run"), kind: "ranks").compactMap {
                $0["sentBytes"] as? [Double]
            }
            // 30·64 + 64 + 64·64 + 64 + 64 + 1 numbers of 4 bytes, on 64-byte lines and with the reports of the shards.
            let least = Double(4 * (30 * 64 + 64 + 64 * 64 + 64 + 64 + 1))
            #expect(sent.count > 1)
            #expect(
                sent.dropFirst().allSatisfy {
                    $0.count == 2 && $0.allSatisfy { $0 >= least && $0 < 1.5 * least }
                }, "\(sent)")
        }
    }
}
