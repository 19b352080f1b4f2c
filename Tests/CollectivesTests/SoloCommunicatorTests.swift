import Collectives
import CollectivesContract
import Diagnostics
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SoloCommunicatorTests {
    @Test func contractHolds() throws {
        let communicator = SoloCommunicator()
        #expect(communicator.topology == .solo)
        #expect(communicator.description == "solo")
        try communicatorContract(communicator)
        communicator.finalize()
        communicator.finalize()
    }

    @Test(arguments: [1, 2, 5])
    func sharedPrimitivesHoldBetweenThreads(threads: Int) throws {
        try sharedPrimitivesContract(SoloCommunicator(), threadsPerRank: threads, roundCount: 10_000)
    }

    @Test func wrongArgumentsAreErrors() throws {
        let communicator = SoloCommunicator()
        #expect(throws: LockstepError.self) { try communicator.broadcast([1], from: 1) }
        #expect(throws: LockstepError.self) { try communicator.gather([1], to: -1) }
        #expect(throws: LockstepError.self) { try communicator.allocateShared(byteCount: -1) }
        #expect(throws: LockstepError.self) { try communicator.allocateShared(byteCount: .max) }
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(throws: LockstepError.self) { try communicator.exchangeBetweenNodes(empty, into: []) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
        defer { buffer.deallocate() }
        #expect(throws: LockstepError.self) { try communicator.exchangeBetweenNodes(empty, into: [buffer]) }
    }

    @Test func handshakeAgreesWithItself() throws {
        try Handshake.verify(SoloCommunicator(), facts: [("recipe", "a"), ("data", "b")])
        try Handshake.verify(SoloCommunicator(), facts: [])
    }
}
