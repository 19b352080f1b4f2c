import Collectives
import Dispatch
import Foundation

/// Barriers and flags between the threads of all processes of a node. Collective: every rank.
/// - Returns: nanoseconds that a round of the barrier took.
@discardableResult
public func sharedPrimitivesContract(
    _ communicator: any Communicator, threadsPerRank: Int, roundCount: Int
) throws -> Double {
    let participants = communicator.topology.localSize * threadsPerRank
    let layout = PrimitivesLayout(
        participants: participants,
        spinCount: SpinCount.suggested(participants: participants, threadsOfThisRank: threadsPerRank))
    let memory = try communicator.allocateShared(byteCount: layout.byteCount)
    try communicator.barrier()
    let failures = FailureList()
    let clock = ContinuousClock()
    let start = clock.now
    let first = communicator.topology.localRank * threadsPerRank
    onThreads(threadsPerRank) { index in
        failures.record {
            try barrierRounds(
                memory, layout, participant: first + index, roundCount: roundCount, rank: communicator.rank)
        }
    }
    let elapsed = clock.now - start
    onThreads(threadsPerRank) { index in
        failures.record {
            try flagRounds(
                memory, layout, participant: first + index, roundCount: roundCount / 10,
                rank: communicator.rank)
        }
    }
    try failures.throwFirst()
    try communicator.barrier()
    withExtendedLifetime(memory) {}
    return Double(elapsed.components.seconds) * 1e9 / Double(roundCount)
        + Double(elapsed.components.attoseconds) / 1e9 / Double(roundCount)
}

/// Runs `body(0)`, … on threads of their own and waits for all.
public func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for index in 0..<count {
        group.enter()
        Thread.detachNewThread {
            body(index)
            group.leave()
        }
    }
    group.wait()
}

/// The first error of several threads.
public final class FailureList: @unchecked Sendable {
    private let lock = NSLock()
    private var errors: [any Error] = []

    /// Creates an empty one.
    public init() {}

    /// Runs `body` and keeps what it throws.
    public func record(_ body: () throws -> Void) {
        do { try body() } catch { lock.withLock { errors.append(error) } }
    }

    /// Throws the first error, if there was one.
    public func throwFirst() throws {
        if let error = lock.withLock({ errors.first }) { throw error }
    }
}

/// A barrier, an abort signal, a flag for each participant, and a line for each to write.
private struct PrimitivesLayout {
    let participants: Int
    let spinCount: Int
    var abortOffset: Int { NodeBarrier.byteCount(participants: participants) }
    var flagOffset: Int { abortOffset + AbortSignal.byteCount }
    var lineOffset: Int { flagOffset + participants * Flag.byteCount }
    var byteCount: Int { lineOffset + participants * 64 }

    func line(_ memory: SharedMemory, _ participant: Int) -> UnsafeMutablePointer<Int> {
        (memory.base + lineOffset + participant * 64).assumingMemoryBound(to: Int.self)
    }
}

/// In each round everybody writes its own line; after the barrier all lines must show the round. A second
/// barrier keeps the next round's writes from being seen early.
private func barrierRounds(
    _ memory: SharedMemory, _ layout: PrimitivesLayout, participant: Int, roundCount: Int, rank: Int
) throws {
    let signal = AbortSignal(at: memory.base + layout.abortOffset)
    let barrier = try NodeBarrier(
        at: memory.base, participant: participant, participants: layout.participants,
        spinCount: layout.spinCount, timeout: .seconds(20), abortSignal: signal)
    // Two barriers a round: half as many rounds make `roundCount` barriers.
    for round in 1...(roundCount / 2) {
        layout.line(memory, participant).pointee = round
        try barrier.wait()
        for other in 0..<layout.participants {
            let seen = layout.line(memory, other).pointee
            try require(seen == round, "round \(round): participant \(other) shows \(seen)", rank: rank)
        }
        try barrier.wait()
    }
}

/// A chain: everybody waits for the flag of the one before it, so that no two are ever on their way together.
private func flagRounds(
    _ memory: SharedMemory, _ layout: PrimitivesLayout, participant: Int, roundCount: Int, rank: Int
) throws {
    let signal = AbortSignal(at: memory.base + layout.abortOffset)
    let flags = (0..<layout.participants).map { index in
        Flag(
            at: memory.base + layout.flagOffset + index * Flag.byteCount, spinCount: layout.spinCount,
            timeout: .seconds(20), abortSignal: signal, name: "flag of participant \(index)")
    }
    let previous = (participant + layout.participants - 1) % layout.participants
    let shared = layout.line(memory, 0)
    if participant == 0 { shared.pointee = 0 }
    for round in 1...roundCount {
        try flags[previous].wait(until: UInt64(participant == 0 ? round - 1 : round))
        // A plain counter: only right if the flags order the threads' memory.
        shared.pointee += 1
        let expected = (round - 1) * layout.participants + participant + 1
        try require(shared.pointee == expected, "counter \(shared.pointee) for \(expected)", rank: rank)
        flags[participant].publish(UInt64(round))
    }
}
