import CKernels
import Diagnostics

/// One participant's view of a barrier in shared memory, for threads of one or several processes.
///
/// Every participant makes its own object over the same memory. ``wait()`` allocates nothing and, when all
/// arrive together, enters no system call. What any participant wrote before is seen by all afterwards.
public final class NodeBarrier: @unchecked Sendable {
    /// The bytes that it takes in shared memory.
    public static func byteCount(participants: Int) -> Int {
        lks_barrier_size(UInt32(clamping: participants))
    }

    /// Ends everybody's waiting when raised.
    public let abortSignal: AbortSignal

    private let barrier: UnsafeMutablePointer<lks_barrier>
    private let participant: UInt32
    private let participants: UInt32
    private let spinCount: UInt32
    private let timeout: Duration
    private let timeoutNanoseconds: Int64
    private let describe: @Sendable (Int) -> String

    /// This participant's view.
    /// - Parameters:
    ///   - pointer: ``byteCount(participants:)`` bytes on a 64-byte boundary, zero at first.
    ///   - participant: this one's number, from 0; every number is used by one thread.
    ///   - spinCount: how often to look before sleeping; 0 where participants outnumber the free cores.
    ///   - timeout: how long to wait for the others.
    ///   - abortSignal: a signal shared with other barriers and flags; nil means the barrier's own.
    ///   - describe: how an error names a participant.
    public init(
        at pointer: UnsafeMutableRawPointer, participant: Int, participants: Int, spinCount: Int,
        timeout: Duration, abortSignal: AbortSignal? = nil,
        describe: @escaping @Sendable (Int) -> String = { "participant \($0)" }
    ) throws {
        guard participants > 0, participants <= Int(Int32.max), (0..<participants).contains(participant)
        else {
            throw LockstepError(
                .internalError, "participant \(participant) of a barrier of \(participants) participants")
        }
        barrier = pointer.assumingMemoryBound(to: lks_barrier.self)
        self.participant = UInt32(participant)
        self.participants = UInt32(participants)
        self.spinCount = UInt32(clamping: spinCount)
        self.timeout = timeout
        timeoutNanoseconds = timeout.nanoseconds
        self.describe = describe
        self.abortSignal = abortSignal ?? AbortSignal(word: &barrier.pointee.abort_word)
    }

    /// Arrives, and waits for all the others.
    /// - Parameters:
    ///   - operation: what the participants meet for, as errors name it.
    ///   - byteCount: the bytes that the operation is about.
    /// - Throws: `hang` naming the participants that have not come, also where another participant's time is up first;
    ///   else the code of the rank that raised the abort signal, naming it. The barrier must not be used afterwards.
    public func wait(_ operation: StaticString = "barrier", byteCount: Int? = nil) throws {
        let result = lks_barrier_arrive_and_wait(
            barrier, participant, participants, spinCount, timeoutNanoseconds, abortSignal.word)
        if result != LKS_OK { throw failure(result, operation, byteCount) }
    }

    private func failure(
        _ result: lks_result, _ operation: StaticString, _ byteCount: Int?
    ) -> LockstepError {
        let raised = result == LKS_ABORTED ? abortSignal.raised : nil
        if result == LKS_ABORTED, raised?.code != .hang {
            return abortSignal.error(waitingAt: "a barrier")
        }
        let ownEpoch = lks_barrier_epoch(barrier, participant)
        let missing = (0..<participants).filter {
            Int32(bitPattern: lks_barrier_epoch(barrier, $0) &- ownEpoch) < 0
        }
        let names = missing.map { describe(Int($0)) }.joined(separator: ", ")
        let size = byteCount.map { " of \($0.grouped) bytes" } ?? ""
        return LockstepError(
            .hang,
            raised.map {
                "gave up with rank \($0.rank), whose time was up; "
                    + (names.isEmpty ? "all others had arrived" : "this one waits for \(names)")
            } ?? "waited \(timeout) at a barrier for \(names.isEmpty ? "nobody" : names)",
            remedy:
                "see what the missing ones are doing; raise the time limit (--timeout) if they are merely slow",
            collective: "\(operation) (barrier number \(ownEpoch))\(size)")
    }
}

extension Duration {
    /// Nanoseconds for C; what does not fit is the longest time there is.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowSum) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || overflowSum ? .max : max(sum, 0)
    }
}
