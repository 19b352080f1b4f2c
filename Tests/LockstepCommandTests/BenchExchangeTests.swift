import Foundation
import Testing

extension CommandTests {
    /// `lockstep bench exchange` and `bench simulate`: the lines, and that their figures fit together.
    @Suite struct BenchExchangeTests {
        private static let ways = ["afterBackward", "overlapped", "bfloat16", "powerSGD"]

        /// Two pretended nodes of one rank, and two of two.
        @Test(arguments: [(2, 1), (4, 2)]) func measuredAndPredicted(ranks: Int, perNode: Int) throws {
            let result = try Lockstep.mpirun(
                ranks, ["bench", "exchange", "--rounds", "1", "--json"],
                environment: ["LOCKSTEP_RANKS_PER_NODE": "\(perNode)"])
            #expect(result.exitCode == 0, "\(result.everything)")
            let lines = try result.output.split(separator: "\n").map { try RunFiles.json(String($0)) }
            try #require(lines.count == 5, "\(result.output)")
            for key in ["startup_us", "long_startup_us", "mbit_per_s", "compute_ms", "exchange_ms"] {
                #expect(try #require(lines[0][key] as? Double) > 0, "\(key)")
            }
            #expect(lines.dropFirst().map { $0["exchange"] as? String } == Self.ways)
            let compute = try #require(lines[0]["compute_ms"] as? Double)
            for line in lines.dropFirst() {
                #expect(line["ranks"] as? Int == ranks && line["nodes"] as? Int == 2)
                let step = try #require(line["step_ms"] as? Double)
                let bound = try #require(line["bound_ms"] as? Double)
                #expect(step > 0 && bound >= compute - 0.001)
                #expect(try #require(line["predicted_ms"] as? Double) >= bound - 0.001)
                #expect(
                    abs(try #require(line["over_bound"] as? Double) - step / bound) < 0.01 * step / bound
                        + 0.001)
            }
            let sent = try lines.dropFirst().map { try #require($0["sent_mb"] as? Double) }
            #expect(sent[0] == sent[1] && sent[2] < sent[1] && sent[3] < sent[1])
        }

        @Test func oneNodeHasNoExchange() throws {
            let result = try Lockstep.run(["bench", "exchange"])
            #expect(
                result.exitCode == 2 && result.errors.contains("launch/testbed run"), "\(result.everything)")
        }

        @Test func aLineForEachBandwidthAndNumberOfNodes() throws {
            let result = try Lockstep.run([
                "bench", "simulate", "--workload", "mlp", "--nodes", "1,2,8", "--bandwidth", "1gbit,10gbit",
                "--latency", "100us", "--compute-ms", "20", "--json",
            ])
            #expect(result.exitCode == 0, "\(result.everything)")
            let lines = try result.output.split(separator: "\n").map { try RunFiles.json(String($0)) }
            #expect(lines.map { $0["nodes"] as? Int } == [1, 2, 8, 1, 2, 8])
            #expect(
                lines.map { $0["bandwidth"] as? String } == ["1gbit", "1gbit", "1gbit"] + [
                    "10gbit", "10gbit", "10gbit",
                ])
            let steps = try lines.map { try #require($0["step_ms"] as? Double) }
            #expect(steps[0] == 20 && steps[3] == 20, "a node alone only computes")
            #expect(steps[0] < steps[1] && steps[1] < steps[2] && steps[4] <= steps[1] && steps[5] < steps[2])
            // The formula knows no chunks, of which this model has few.
            for line in lines {
                let (step, formula) = (line["step_ms"] as? Double ?? 0, line["formula_ms"] as? Double ?? 0)
                #expect(formula <= step + 0.001 && formula > 0.9 * step)
            }
        }

        @Test func aTableForPeople() throws {
            let result = try Lockstep.run(
                ["bench", "simulate", "--workload", "mlp", "--nodes", "3", "--compression", "bfloat16"])
            #expect(result.exitCode == 0 && result.output.contains("efficiency"), "\(result.everything)")
        }

        @Test(arguments: [
            ["--nodes", "0"], ["--nodes", "8,"], ["--nodes", "5000"], ["--lanes", "0"],
            ["--bandwidth", "fast"],
            ["--latency", "1"], ["--compute-ms", "0"], ["--compute-ms", "nan"], ["--workload", "none"],
            ["--compression", "zip"], ["--nodes", "4096", "--lanes", "17"], ["--processor-us-per-mb=-1"],
            ["--bucket-megabytes", "0"],
        ])
        func badWordsAreRefused(_ words: [String]) throws {
            let result = try Lockstep.run(["bench", "simulate", "--workload", "mlp"] + words)
            #expect(result.exitCode == 2, "\(result.everything)")
        }
    }
}
