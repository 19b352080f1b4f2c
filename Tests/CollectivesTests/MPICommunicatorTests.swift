import Foundation
import Testing

/// Jobs under mpirun, one after the other: each may take every core.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct MPICommunicatorTests {
    @Test(arguments: [1, 2, 3, 4])
    func contractHoldsOnOneNode(ranks: Int) throws {
        let job = try MPIJob.run(ranks: ranks, ["contract"])
        expectAllOK(job, ranks: ranks, nodes: 1)
        #expect(
            job.output.contains("START rank 0 on Open MPI") || job.output.contains("START rank 0 on MPICH"))
    }

    /// Pretended nodes, and messages cut into pieces whose length divides nothing.
    @Test(arguments: [(2, 1, 2), (4, 1, 4), (3, 2, 2), (4, 2, 2), (5, 1, 5), (6, 1, 6)])
    func contractHoldsBetweenNodes(ranks: Int, ranksPerNode: Int, nodes: Int) throws {
        let job = try MPIJob.run(
            ranks: ranks, ["contract", "65537"], environment: ["LOCKSTEP_RANKS_PER_NODE": "\(ranksPerNode)"])
        expectAllOK(job, ranks: ranks, nodes: nodes)
    }

    /// The ways that take over where memory files cannot be shared.
    @Test(arguments: [("file", 1), ("window", 1), ("none", 3)])
    func contractHoldsForEveryWayToShareMemory(way: String, nodes: Int) throws {
        let job = try MPIJob.run(ranks: 3, ["contract"], environment: ["LOCKSTEP_SHARED_MEMORY": way])
        expectAllOK(job, ranks: 3, nodes: nodes)
    }

    @Test func unknownWayToShareMemoryIsRefused() throws {
        let job = try MPIJob.run(ranks: 1, ["contract"], environment: ["LOCKSTEP_SHARED_MEMORY": "files"])
        #expect(
            job.exitCode == 2 && job.output.contains("LOCKSTEP_SHARED_MEMORY is 'files'"), "\(job.output)")
    }

    @Test(arguments: ["abort-idle", "abort-blocked"])
    func abortEndsTheJobWithItsCode(scenario: String) throws {
        let job = try MPIJob.run(ranks: 2, [scenario], limit: 20)
        #expect(job.exitCode == 65, "\(job.output)")
        #expect(job.duration < .seconds(5))
        #expect(job.lines(startingWith: "START").count == 2, "\(job.output)")
    }

    @Test func missingRankIsNamedByAllOthers() throws {
        let job = try MPIJob.run(ranks: 3, ["missing"], environment: ["LOCKSTEP_TIMEOUT": "1"], limit: 20)
        #expect(job.exitCode == 134, "\(job.output)")
        let failures = job.lines(startingWith: "FAILED")
        #expect(failures.count == 2, "\(job.output)")
        for failure in failures {
            #expect(failure.contains("not arrived: rank 2 (last seen at number 1)"))
            #expect(failure.contains("allgather number 2 of 3 bytes"))
        }
        #expect(Set(failures.map { $0.prefix(13) }) == ["FAILED rank 0", "FAILED rank 1"])
    }

    @Test func missingNodeIsNamed() throws {
        let job = try MPIJob.run(
            ranks: 2, ["missing-leader"],
            environment: ["LOCKSTEP_TIMEOUT": "1", "LOCKSTEP_RANKS_PER_NODE": "1"], limit: 20)
        #expect(job.exitCode == 134, "\(job.output)")
        #expect(job.output.contains("not arrived: rank 1"), "\(job.output)")
        #expect(job.output.contains("exchangeBetweenNodes number 1 (among the nodes) of 8 bytes"))
    }

    @Test func mpiErrorCarriesItsCollective() throws {
        let job = try MPIJob.run(
            ranks: 2, ["unequal-exchange"],
            environment: ["LOCKSTEP_TIMEOUT": "5", "LOCKSTEP_RANKS_PER_NODE": "1"], limit: 20)
        #expect(job.exitCode == 1, "\(job.output)")
        let failure = try #require(job.lines(startingWith: "FAILED rank 1").first)
        #expect(failure.contains("sending to rank 0 and receiving from rank 0 failed: MPI_ERR_TRUNCATE"))
        #expect(failure.contains("[rank 1, exchangeBetweenNodes number 1 (among the nodes) of 10 bytes]"))
    }

    @Test func handshakeNamesTheFactOnEveryRank() throws {
        let job = try MPIJob.run(ranks: 3, ["handshake"], limit: 20)
        #expect(job.exitCode == 78, "\(job.output)")
        let failures = job.lines(startingWith: "FAILED")
        #expect(failures.count == 3, "\(job.output)")
        #expect(failures.allSatisfy { $0.hasSuffix("recipe differs: rank 0 has 'a', rank 1 has 'b'") })
    }

    @Test(arguments: [
        ("unequal-shared", Int32(78), "rank 0 asks for 100 bytes, rank 1 for 101"),
        ("too-much-shared", Int32(73), "bytes free"),
    ])
    func sharedMemoryThatCannotBe(scenario: String, exitCode: Int32, text: String) throws {
        let job = try MPIJob.run(ranks: 2, [scenario], limit: 20)
        #expect(job.exitCode == exitCode, "\(job.output)")
        #expect(job.lines(startingWith: "FAILED").count == 2, "\(job.output)")
        #expect(job.lines(startingWith: "FAILED").allSatisfy { $0.contains(text) }, "\(job.output)")
    }

    /// SIGTERM must reach mpirun, which then ends its ranks and removes their shared memory.
    @Test func jobThatTakesTooLongEndsOrderly() throws {
        let job = try MPIJob.run(ranks: 2, ["missing"], limit: 1)
        #expect(job.timedOut)
        #expect(job.exitCode == 1, "mpirun ended by itself and not by SIGKILL")
        #expect(job.lines(startingWith: "OK").isEmpty)
    }

    private func expectAllOK(_ job: JobResult, ranks: Int, nodes: Int) {
        #expect(!job.timedOut && job.exitCode == 0, "\(job.output)")
        let expected = (0..<ranks).map { "OK rank \($0)/\(ranks) node " }
        let lines = job.lines(startingWith: "OK").map(String.init).sorted()
        #expect(lines.count == ranks, "\(job.output)")
        #expect(zip(lines, expected).allSatisfy { $0.hasPrefix($1) && $0.hasSuffix("/\(nodes)") }, "\(lines)")
    }
}
