import Foundation
import Testing

extension CommandTests {
    /// `lockstep bench allreduce`: the lines, not the times.
    @Suite struct BenchAllreduceTests {
        private func lines(_ result: CommandResult) throws -> [[String: Any]] {
            #expect(result.exitCode == 0, "\(result.everything)")
            return try result.output.split(separator: "\n").map { try RunFiles.json(String($0)) }
        }

        @Test(arguments: [(2, [:]), (3, [:]), (3, ["LOCKSTEP_RANKS_PER_NODE": "1"])])
        func aLineForEachPeerAndSize(_ ranks: Int, _ environment: [String: String]) throws {
            let words = ["bench", "allreduce", "--sizes", "4000,400000", "--repetitions", "2", "--json"]
            let lines = try lines(Lockstep.mpirun(ranks, words, environment: environment))
            #expect(
                lines.map { $0["peer"] as? String } == [
                    "lockstep", "mpi", "memory", "lockstep", "mpi", "memory",
                ])
            #expect(lines.map { $0["bytes"] as? Int } == [4000, 4000, 4000, 400_000, 400_000, 400_000])
            #expect(lines.allSatisfy { $0["ranks"] as? Int == ranks })
            #expect(lines.allSatisfy { ($0["us"] as? Double ?? 0) > 0 })
        }

        @Test func aloneThereIsNoMPI() throws {
            let lines = try lines(Lockstep.run(["bench", "allreduce", "--sizes", "4000", "--json"]))
            #expect(lines.map { $0["peer"] as? String } == ["lockstep", "memory"])
        }

        @Test(arguments: ["", "5", "4000,", "-4", "four", "99999999999999"]) func badSizesAreRefused(
            _ sizes: String
        ) throws {
            let result = try Lockstep.run(["bench", "allreduce", "--sizes=\(sizes)"])
            #expect(result.exitCode == 2 && result.errors.contains("--sizes"), "\(result.everything)")
        }
    }
}
