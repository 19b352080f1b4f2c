import Foundation
import Testing

/// Hosts with names, shared memory and a network of their own, on this machine: `launch/testbed`.
private enum TestBed {
    /// Why there can be none here; nil where there can.
    static let obstacle: String? = {
        do {
            let result = try RunningCommand(["\(Lockstep.root)/launch/testbed", "check"], environment: [:])
                .wait()
            return result.exitCode == 0 ? nil : result.everything
        } catch {
            return "\(error)"
        }
    }()

    static func command(_ words: [String]) throws -> CommandResult {
        try RunningCommand(
            ["\(Lockstep.root)/launch/testbed"] + words,
            environment: ["LOCKSTEP_TESTBED": "lockstep-tests", "LOCKSTEP_DATA": Lockstep.data]
        ).wait(limit: 90)
    }

    /// Makes hosts, does something, and removes them.
    static func with(hosts: Int, _ body: () throws -> Void) throws {
        _ = try command(["down"])
        let up = try command(["up", "--hosts", "\(hosts)", "--bandwidth", "1gbit"])
        try #require(up.exitCode == 0, "\(up.everything)")
        defer { _ = try? command(["down"]) }
        try body()
    }
}

extension CommandTests {
    @Suite(.serialized, .enabled(if: TestBed.obstacle == nil, "\(TestBed.obstacle ?? "")"))
    struct TestBedTests {
        /// Two and three hosts, one or two ranks each, give the bits of one lane alone.
        @Test(arguments: [(2, 1), (2, 2), (3, 1)]) func hostsGiveTheSameBits(hosts: Int, ranksPerHost: Int)
            throws
        {
            let reference = try SameBitsTests.reference.get()
            let workspace = try Workspace()
            let folder = workspace.at("run")
            try TestBed.with(hosts: hosts) {
                let result = try TestBed.command(
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
            try TestBed.with(hosts: 2) {
                let names = try TestBed.command(["run", "hostname"])
                #expect(
                    Set(names.output.split(separator: "\n"))
                        == ["lockstep-tests-host1", "lockstep-tests-host2"], "\(names.everything)")
                let memory = try TestBed.command(["host", "2", "ls", "/dev/shm"])
                #expect(memory.exitCode == 0 && memory.output.isEmpty)
                #expect(try TestBed.command(["up"]).exitCode == 73, "one is up already")
                #expect(try TestBed.command(["host", "3", "true"]).exitCode == 73)
            }
            #expect(try TestBed.command(["run", "true"]).exitCode == 73, "all hosts are gone")
        }
    }
}
