import Foundation
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: TestBed.obstacle == nil, "\(TestBed.obstacle ?? "")"))
    struct TestBedTests {
        private let bed = TestBed(name: "lockstep-tests")

        /// Two and three hosts, one or two ranks each, give the bits of one lane alone.
        @Test(arguments: [(2, 1), (2, 2), (3, 1)]) func hostsGiveTheSameBits(hosts: Int, ranksPerHost: Int)
            throws
        {
            let reference = try SameBitsTests.reference.get()
            let workspace = try Workspace()
            let folder = workspace.at("run")
            try bed.with(hosts: hosts) {
                let result = try bed.command(
                    ["run", "--ranks-per-host", "\(ranksPerHost)", try Lockstep.program(), "train"]
                        + [SameBitsTests.recipe, "--lanes", "1", "--output", folder, "--max-steps", "60"]
                        + SameBitsTests.words)
                #expect(result.exitCode == 0, "\(result.everything)")
            }
            #expect(try Lockstep.hash(folder) == reference.hash)
            #expect(try RunFiles.metrics(folder) == reference.metrics)
        }

        /// Each host is alone with its name and memory, and the others can be reached.
        @Test func hostsAreApart() throws {
            try bed.with(hosts: 2) {
                let names = try bed.command(["run", "hostname"])
                #expect(
                    Set(names.output.split(separator: "\n"))
                        == ["lockstep-tests-host1", "lockstep-tests-host2"], "\(names.everything)")
                let memory = try bed.command(["host", "2", "ls", "/dev/shm"])
                #expect(memory.exitCode == 0 && memory.output.isEmpty)
                #expect(try bed.command(["up"]).exitCode == 73, "one is up already")
                #expect(try bed.command(["host", "3", "true"]).exitCode == 73)
            }
            #expect(try bed.command(["run", "true"]).exitCode == 73, "all hosts are gone")
        }
    }
}
