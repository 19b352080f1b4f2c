import Diagnostics
import Foundation
import Supervision
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Tests that start mpirun or raise signals: one at a time, as signals belong to the whole process.
@Suite("Supervised jobs", .serialized)
enum SupervisedJobs {}

extension SupervisedJobs {
    @Suite("MPIRun", .serialized)
    struct MPIRunTests {
        private let two = CPUBudget(affinityCPUs: 2, nodeCPUs: 2)

        private func launch(_ ranks: Int, _ script: String, limit: Duration = .seconds(60)) throws -> Int32 {
            try MPIRun(ranks: ranks, lanes: 1, command: ["/bin/sh", "-c", script], timeLimit: limit).run()
        }

        @Test func ranksAreBoundWhereCoresSuffice() {
            let run = MPIRun(
                ranks: 2, lanes: 1, command: ["lockstep", "train"],
                environment: ["LOCKSTEP_DATA": "/data", "HOME": "/root", "LOCKSTEP_X;": "bad"], budget: two)
            #expect(
                run.arguments == [
                    "-n", "2", "--map-by", "slot:PE=1", "--bind-to", "core", "-x", "LOCKSTEP_DATA",
                    "setpriv",
                    "--pdeathsig", "KILL", "lockstep", "train",
                ])
        }

        @Test func ranksShareWhereCoresAreShort() {
            for (ranks, lanes) in [(3, 1), (2, 2), (Int.max, 2)] {
                let run = MPIRun(ranks: ranks, lanes: lanes, command: ["x"], environment: [:], budget: two)
                #expect(run.arguments.contains("--oversubscribe") && run.arguments.contains("none"))
            }
            // Two hardware threads of one core are one core.
            let threads = CPUBudget(affinityCPUs: 2, nodeCPUs: 2, affinityCores: 1)
            let run = MPIRun(ranks: 2, lanes: 1, command: ["x"], environment: [:], budget: threads)
            #expect(run.arguments.contains("--oversubscribe"))
        }

        @Test func rootIsAllowedAndTheUsersSettingsStay() {
            let user = ["OMPI_MCA_mpi_yield_when_idle": "0"]
            let root = MPIRun(
                ranks: 1, lanes: 1, command: ["x"], environment: user, budget: two, isRoot: true)
            #expect(root.launchEnvironment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] == "1")
            #expect(root.launchEnvironment["OMPI_MCA_mpi_yield_when_idle"] == "0")
            let other = MPIRun(
                ranks: 1, lanes: 1, command: ["x"], environment: [:], budget: two, isRoot: false)
            #expect(other.launchEnvironment == ["OMPI_MCA_mpi_yield_when_idle": "1"])
        }

        @Test func statusesAreTranslated() {
            func code(_ status: Int32, asked: Bool = false, late: Bool = false) -> Int32 {
                MPIRunStatus.exitCode(
                    of: MPIRunStatus(waitStatus: status, wasAskedToStop: asked, isPastDeadline: late))
            }
            #expect(code(0) == 0)
            #expect(code(65 << 8) == 65)
            #expect(code(137 << 8) == 137)
            #expect(code(9) == 137)
            #expect(code(1 << 8) == 1)
            #expect(code(1 << 8, asked: true) == 143)
            #expect(code(143 << 8, asked: true) == 143)
            #expect(code(138 << 8, asked: true) == 143)
            #expect(code(0, asked: true) == 0)
            #expect(code(74 << 8, asked: true) == 74)
            #expect(code(9, late: true) == 134)
        }

        @Test func aMissingProgramNamesThePackage() {
            let run = MPIRun(
                ranks: 1, lanes: 1, command: ["x"], environment: ["PATH": "/nowhere"], budget: two)
            #expect { try run.run() } throws: {
                ($0 as? LockstepError)?.remedy == "apt-get install openmpi-bin"
            }
        }

        @Test func startingInsideMpirunIsRefused() {
            let run = MPIRun(
                ranks: 2, lanes: 1, command: ["x"], environment: ["OMPI_COMM_WORLD_SIZE": "2"], budget: two)
            #expect { try run.run() } throws: { ($0 as? LockstepError)?.code == .usage }
        }

        @Test func aRanksCodePassesThroughWithinFiveSeconds() throws {
            let clock = ContinuousClock()
            var code: Int32 = -1
            let time = try clock.measure {
                code = try launch(2, #"[ "$OMPI_COMM_WORLD_RANK" = 1 ] && exit 65; exec sleep 50"#)
            }
            #expect(code == 65 && time < .seconds(5))
            #expect(try launch(2, "exit 0") == 0)
        }

        @Test func aKilledRankIs137WithinFiveSeconds() throws {
            let clock = ContinuousClock()
            var code: Int32 = -1
            let time = try clock.measure {
                code = try launch(3, #"[ "$OMPI_COMM_WORLD_RANK" = 1 ] && kill -9 $$; exec sleep 50"#)
            }
            #expect(code == 137 && time < .seconds(5))
        }

        @Test func theTimeLimitEndsEveryRank() async throws {
            let mark = "3\(Int.random(in: 100_000...999_999))"
            #expect(try launch(2, "exec sleep \(mark)", limit: .seconds(3)) == 134)
            try await Task.sleep(for: .seconds(1))
            #expect(processes(with: "sleep \(mark)") == 0)
        }

        @Test func ranksDieWithMpirun() async throws {
            // The rank kills mpirun, its parent, with a signal that cannot be handled.
            let mark = "4\(Int.random(in: 100_000...999_999))"
            let script =
                #"[ "$OMPI_COMM_WORLD_RANK" = 1 ] && { sleep 2; kill -9 $PPID; }; exec sleep "# + mark
            #expect(try launch(2, script) == 137)
            try await Task.sleep(for: .seconds(1))
            #expect(processes(with: "sleep \(mark)") == 0)
        }

        @Test func ranksDieWithTheSupervisor() async throws {
            let mark = "5\(Int.random(in: 100_000...999_999))"
            let run = MPIRun(ranks: 2, lanes: 1, command: ["/bin/sh", "-c", "exec sleep \(mark)"])
            // A shell stands in for the supervisor, since the test itself must live on.
            let supervisor = Process()
            supervisor.executableURL = URL(fileURLWithPath: "/bin/sh")
            supervisor.arguments = ["-c", #""$@" & wait"#, "sh"] + (try run.words())
            supervisor.environment = run.launchEnvironment
            try supervisor.run()
            for _ in 0..<100 where processes(with: "sleep \(mark)") < 2 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(processes(with: "sleep \(mark)") == 2)
            kill(supervisor.processIdentifier, SIGKILL)
            try await Task.sleep(for: .seconds(2))
            #expect(processes(with: "sleep \(mark)") == 0)
        }

        /// The number of processes whose command line is exactly `command`.
        private func processes(with command: String) -> Int {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
            return names.filter { name in
                guard Int(name) != nil,
                    let bytes = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
                else { return false }
                let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                return words.joined(separator: " ") == command
            }.count
        }
    }
}
