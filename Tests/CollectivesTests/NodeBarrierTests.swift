import Collectives
import CollectivesContract
import Diagnostics
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1)))
struct NodeBarrierTests {
    private func barrier(
        _ memory: SharedMemory, _ participant: Int, of participants: Int, timeout: Duration = .seconds(20)
    ) throws -> NodeBarrier {
        try NodeBarrier(
            at: memory.base, participant: participant, participants: participants, spinCount: 0,
            timeout: timeout, describe: { "lane \($0)" })
    }

    private func memory(participants: Int) throws -> SharedMemory {
        try SoloCommunicator().allocateShared(byteCount: NodeBarrier.byteCount(participants: participants))
    }

    @Test func everyParticipantHasALineOfItsOwn() {
        #expect(NodeBarrier.byteCount(participants: 4) - NodeBarrier.byteCount(participants: 3) == 64)
        #expect(NodeBarrier.byteCount(participants: 1) % 64 == 0)
    }

    @Test func missingParticipantsAreNamed() throws {
        let memory = try memory(participants: 4)
        let failures = FailureList()
        onThreads(2) { index in
            // 1 and 3 come, 0 and 2 do not.
            failures.record { try barrier(memory, 2 * index + 1, of: 4, timeout: .milliseconds(200)).wait() }
        }
        let error = try #require(throws: LockstepError.self) { try failures.throwFirst() }
        #expect(error.code == .hang)
        #expect(error.message == "waited 0.2 seconds at a barrier for lane 0, lane 2")
    }

    @Test(arguments: [
        (ExitCode.badData, "aborted by rank 7 while waiting at a barrier"),
        (.hang, "gave up with rank 7, whose time was up; all others had arrived"),
    ])
    func abortEndsTheWaitWithItsCode(code: ExitCode, message: String) throws {
        let memory = try memory(participants: 2)
        let start = ContinuousClock.now
        let waiting = try barrier(memory, 0, of: 2)
        onThreads(1) { _ in
            Thread.sleep(forTimeInterval: 0.05)
            // As another rank does, through a view of its own.
            try? barrier(memory, 1, of: 2).abortSignal.raise(by: 7, code: code)
        }
        let error = try #require(throws: LockstepError.self) { try waiting.wait() }
        #expect(error.code == code)
        #expect(error.message == message)
        #expect(ContinuousClock.now - start < .seconds(5))
        // The first to raise it is the one that is named.
        waiting.abortSignal.raise(by: 3, code: .usage)
        #expect(waiting.abortSignal.raised?.rank == 7)
    }

    @Test func abortReachesThoseWhoSleep() throws {
        let memory = try memory(participants: 2)
        let failures = FailureList()
        onThreads(2) { index in
            if index == 0 { return failures.record { try barrier(memory, 0, of: 2).wait() } }
            Thread.sleep(forTimeInterval: 0.2)
            failures.record { try barrier(memory, 1, of: 2).abortSignal.raise(by: 1, code: .numericFailure) }
        }
        let error = try #require(throws: LockstepError.self) { try failures.throwFirst() }
        #expect(error.code == .numericFailure)
    }

    /// Arrivals are counted in 32 bits: they must wrap without anybody noticing, or passing too early.
    @Test func countersMayWrap() throws {
        let barrierByteCount = NodeBarrier.byteCount(participants: 3)
        let memory = try SoloCommunicator().allocateShared(byteCount: barrierByteCount + 3 * 64)
        // The epoch before the wrap, and three times as many arrivals, as the C structure lays them out.
        let epoch = UInt32.max - 2
        let words = memory.base.assumingMemoryBound(to: UInt32.self)
        words[0] = epoch &* 3
        words[16] = epoch
        for participant in 0..<3 { words[32 + 16 * participant] = epoch }
        let failures = FailureList()
        onThreads(3) { index in
            failures.record {
                let own = try barrier(memory, index, of: 3)
                let rounds = (memory.base + barrierByteCount).assumingMemoryBound(to: Int.self)
                for round in 1...10 {
                    // The last one comes late, so that whoever is let through early sees its old round.
                    if index == 2 { Thread.sleep(forTimeInterval: 0.01) }
                    rounds[8 * index] = round
                    try own.wait()
                    #expect((0..<3).map { rounds[8 * $0] } == [round, round, round])
                    try own.wait()
                }
            }
        }
        try failures.throwFirst()
        let generation = memory.base.assumingMemoryBound(to: UInt32.self)[16]
        #expect(generation == epoch &+ 20)
    }

    @Test(arguments: [(0, 0), (2, 2), (-1, 2)])
    func wrongParticipantsAreErrors(participant: Int, participants: Int) throws {
        let memory = try memory(participants: 2)
        #expect(throws: LockstepError.self) { try barrier(memory, participant, of: participants) }
    }
}
