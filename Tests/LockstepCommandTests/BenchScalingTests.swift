import Foundation
import Testing

extension CommandTests {
    /// `lockstep bench scaling`: the lines, and that the figures fit together; not how fast this machine is.
    @Suite struct BenchScalingTests {
        @Test func aLineForEachNumberOfRanks() throws {
            let cores = ProcessInfo.processInfo.activeProcessorCount
            let ranks = cores > 1 ? [1, 2] : [1]
            let result = try Lockstep.run(
                [
                    "bench", "scaling", "--workload", "mlp", "--rounds", "1", "--json", "--ranks",
                    ranks.map(String.init).joined(separator: ","),
                ], limit: 120)
            #expect(result.exitCode == 0, "\(result.everything)")
            let lines = try result.output.split(separator: "\n").map { try RunFiles.json(String($0)) }
            #expect(lines.map { $0["ranks"] as? Int } == ranks)
            for line in lines {
                let together = try #require(line["step_ms"] as? Double)
                let apart = try #require(line["independent_step_ms"] as? Double)
                let efficiency = try #require(line["efficiency"] as? Double)
                #expect(together > 0 && apart > 0)
                #expect(abs(efficiency - apart / together) < 0.02 * efficiency + 0.001)
            }
        }

        @Test(arguments: [
            ["--ranks", "0"], ["--ranks", "1,"], ["--ranks", "two"], ["--ranks", "60000"],
            ["--workload", "none"], ["--rounds", "0"],
        ])
        func badWordsAreRefused(_ words: [String]) throws {
            let result = try Lockstep.run(["bench", "scaling"] + words)
            #expect(result.exitCode == 2, "\(result.everything)")
        }

        @Test func underMPIItIsRefused() throws {
            let result = try Lockstep.mpirun(1, ["bench", "scaling", "--ranks", "1"])
            #expect(
                result.exitCode == 2 && result.errors.contains("already runs under it"),
                "\(result.everything)")
        }
    }
}
