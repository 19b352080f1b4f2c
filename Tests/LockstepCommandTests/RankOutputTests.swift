import Foundation
import Testing

extension CommandTests {
    /// Under mpirun one rank speaks for all.
    @Suite struct RankOutputTests {
        static let recipe = Lockstep.recipe("breast-cancer")

        @Test(arguments: [false, true])
        func onlyRankZeroPrints(_ isDedicated: Bool) throws {
            let workspace = try Workspace()
            let words = ["train", Self.recipe, "--output", workspace.at("run"), "--set", "training.epochs=3"]
            let result = try Lockstep.mpirun(
                3, words + (isDedicated ? ["--coordinator", "dedicated"] : []), options: ["--tag-output"])
            #expect(result.exitCode == 0, "\(result.everything)")
            let lines = (result.output + result.errors).split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("[1,0]<stdout>") && $0.contains("accuracy") })
            for rank in 1...2 {
                let spoken = lines.filter { $0.hasPrefix("[1,\(rank)]<") }
                #expect(spoken.isEmpty, "\(spoken)")
            }
        }

        @Test func anErrorNamesItsRankOnce() throws {
            let workspace = try Workspace()
            let result = try Lockstep.mpirun(
                3, ["train", Self.recipe, "--output", workspace.at("run"), "--set", "data.path=none.csv"])
            #expect(result.exitCode == 65, "\(result.everything)")
            let told = result.errors.components(separatedBy: "lockstep: ").count - 1
            #expect(told == 1 && result.errors.contains("[rank 0"), "\(result.errors)")
            #expect(result.output.isEmpty)
        }

        /// The single-node fallback never calls MPI, so it needs none of its variables and no shared memory of it.
        @Test func aloneWithoutMPI() throws {
            let workspace = try Workspace()
            let result = try Lockstep.run(
                ["train", Self.recipe, "--output", workspace.at("run"), "--max-steps", "5"],
                environment: ["OMPI_MCA_btl": "nothing", "PATH": "/nowhere:/usr/bin:/bin"])
            #expect(result.exitCode == 0, "\(result.everything)")
        }

        /// N tasks of Slurm without MPI would be N runs of one each.
        @Test func tasksWithoutMPIAreRefused() throws {
            let workspace = try Workspace()
            let result = try Lockstep.run(
                ["train", Self.recipe, "--output", workspace.at("run")], environment: ["SLURM_NTASKS": "2"])
            #expect(result.exitCode == 78 && result.errors.contains("SLURM_NTASKS"), "\(result.everything)")
        }

        @Test func ranksInsideMPIAreRefused() throws {
            let workspace = try Workspace()
            let result = try Lockstep.mpirun(
                2, ["train", Self.recipe, "--output", workspace.at("run"), "--ranks", "2"])
            #expect(result.exitCode == 2 && result.errors.contains("--ranks"), "\(result.everything)")
        }
    }
}
