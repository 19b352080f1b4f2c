import CKernels
import Diagnostics

/// A number in shared memory that only grows, and that threads of any process of the node wait for: "bucket 3
/// of step 7 is ready", "the parameters of step 40 are copied".
///
/// What a thread wrote before publishing is seen by whoever has waited for that value.
public final class Flag: @unchecked Sendable {
    /// The bytes that it takes in shared memory.
    public static let byteCount = MemoryLayout<lks_flag>.size

    /// Ends everybody's waiting when raised.
    public let abortSignal: AbortSignal

    private let flag: UnsafeMutablePointer<lks_flag>
    private let spinCount: UInt32
    private let timeout: Duration
    private let timeoutNanoseconds: Int64
    private let name: String

    /// A view of the flag at this place; every thread may make its own or share one.
    /// - Parameters:
    ///   - pointer: ``byteCount`` bytes on a 64-byte boundary, zero at first.
    ///   - spinCount: how often to look before sleeping; 0 where threads outnumber the free cores.
    ///   - timeout: how long to wait.
    ///   - abortSignal: a signal shared with other barriers and flags; nil means the flag's own.
    ///   - name: what errors call it, best with the rank that raises it: `copied flag of rank 0`.
    public init(
        at pointer: UnsafeMutableRawPointer, spinCount: Int, timeout: Duration,
        abortSignal: AbortSignal? = nil, name: String = "flag"
    ) {
        flag = pointer.assumingMemoryBound(to: lks_flag.self)
        self.spinCount = UInt32(clamping: spinCount)
        self.timeout = timeout
        timeoutNanoseconds = timeout.nanoseconds
        self.name = name
        self.abortSignal = abortSignal ?? AbortSignal(word: &flag.pointee.abort_word)
    }

    /// The value as it stands.
    public var value: UInt64 { lks_load_u64(&flag.pointee.value) }

    /// Raises the value to at least this one and wakes whoever waits; a lower one changes nothing.
    public func publish(_ value: UInt64) { lks_flag_publish(flag, value) }

    /// Adds one, wakes whoever waits, and returns the new value; threads may do so together.
    @discardableResult
    public func advance() -> UInt64 { lks_flag_advance(flag) }

    /// Waits until the value is at least this one.
    /// - Throws: `hang` naming the flag and both values; the code of the rank that raised the abort
    ///   signal, naming it.
    public func wait(until value: UInt64) throws {
        let result = lks_flag_wait(flag, value, spinCount, timeoutNanoseconds, abortSignal.word)
        if result == LKS_OK { return }
        let raised = result == LKS_ABORTED ? abortSignal.raised : nil
        if result == LKS_ABORTED, raised?.code != .hang {
            throw abortSignal.error(waitingAt: "the \(name)")
        }
        let awaited = "the \(name) to reach \(value), it stands at \(self.value)"
        throw LockstepError(
            .hang,
            raised.map { "gave up with rank \($0.rank), whose time was up; this one waits for \(awaited)" }
                ?? "waited \(timeout) for \(awaited)",
            remedy: "see what its owner is doing; raise the time limit (--timeout) if it is merely slow",
            collective: "\(name), number \(value)")
    }
}
