import Foundation
import Testing

extension CommandTests {
    /// The network between two hosts is cut while they train: whoever can be heard says what it waits for, nothing stays
    /// behind on either side, and the run goes on when the network is back.
    @Suite(.serialized, .enabled(if: TestBed.obstacle == nil, "\(TestBed.obstacle ?? "")"))
    struct PartitionTests {
        private static let recipe = Lockstep.recipe("breast-cancer")
        private let bed = TestBed(name: "lockstep-partition")

        @Test(arguments: [2, 3]) func aHostIsCutOff(hosts: Int) throws {
            let workspace = try Workspace()
            let folder = workspace.at("run")
            let words = ["--lanes", "1", "--max-steps", "2000"] + LongRun.words
            let train =
                [
                    "host", "1", try Lockstep.program(), "train", Self.recipe, "--ranks", "\(hosts)",
                    "--timeout", "3",
                ]
                + ["--output", folder] + words
            try bed.with(hosts: hosts) {
                let command = try bed.start(train)
                let hasBegun = eventually(within: 40) {
                    RunFiles.checkpoints(folder).count > 1 || !command.isRunning
                }
                try #require(hasBegun && command.isRunning)
                let ranks = command.processes().compactMap(\.rank)
                #expect(Set(ranks) == Set(0..<hosts), "a rank on each host: \(ranks)")
                #expect(try bed.command(["cut", "\(hosts)"]).exitCode == 0)
                let cut = ContinuousClock.now
                let result = try command.wait(limit: 60)
                #expect(result.exitCode == 134, "\(result.everything)")
                #expect(ContinuousClock.now - cut < .seconds(30))
                #expect(command.isGone(within: 20), "\(command.processes())")
                expectReports(result.errors, ranks: 0..<(hosts - 1))
                #expect(try bed.command(["join", "\(hosts)"]).exitCode == 0)
                let resumed = try bed.command(train + ["--resume"])
                #expect(resumed.exitCode == 0, "\(resumed.everything)")
            }
            let undisturbed = workspace.at("undisturbed")
            let reference = try Lockstep.run(["train", Self.recipe, "--output", undisturbed] + words)
            #expect(reference.exitCode == 0, "\(reference.everything)")
            #expect(try Lockstep.hash(folder) == Lockstep.hash(undisturbed))
        }

        /// Ranks that can still be heard say once each: rank, step, collective, its number and bytes, and whom they miss.
        private func expectReports(_ errors: String, ranks: Range<Int>) {
            let reports = errors.split(separator: "\n").filter { $0.hasPrefix("lockstep: ") }
            for rank in ranks {
                let own = reports.filter { $0.contains("[rank \(rank), step ") }
                #expect(own.count == 1, "rank \(rank) speaks once: \(errors)")
                for part in [" number ", " bytes", "\(ranks.upperBound)"] {
                    #expect(own.allSatisfy { $0.contains(part) }, "\(own)")
                }
            }
        }
    }
}
