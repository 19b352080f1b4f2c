import CKernels
import Diagnostics

/// A word in shared memory by which one rank ends everybody's waiting on barriers and flags, saying who it is
/// and with which code all are to leave.
///
/// It starts lowered in zeroed memory. Waiters see it within 100 ms.
public final class AbortSignal: @unchecked Sendable {
    /// The bytes it takes in shared memory.
    public static let byteCount = Int(LKS_LINE_BYTES)

    let word: UnsafeMutablePointer<UInt32>

    /// The signal at this place, which every thread and process that takes part names.
    /// - Parameter pointer: ``byteCount`` bytes on a 64-byte boundary, zero at first.
    public convenience init(at pointer: UnsafeMutableRawPointer) {
        self.init(word: pointer.assumingMemoryBound(to: UInt32.self))
    }

    init(word: UnsafeMutablePointer<UInt32>) { self.word = word }

    /// Ends the waiting; only the first rank to raise it is remembered.
    public func raise(by rank: Int, code: ExitCode) {
        // 24 bits of rank + 1 (so that it is never zero), 8 bits of code.
        let rankBits = min(UInt32(clamping: rank) &+ 1, 0xFF_FFFF)
        _ = lks_store_if_zero_u32(word, rankBits | UInt32(UInt8(clamping: code.rawValue)) << 24)
    }

    /// The rank that raised it first and its code, if any did.
    public var raised: (rank: Int, code: ExitCode)? {
        let value = lks_load_u32(word)
        guard value != 0 else { return nil }
        return (Int(value & 0xFF_FFFF) - 1, ExitCode(rawValue: Int32(value >> 24)) ?? .internalError)
    }

    /// The error of everybody who waited at `place` when it was raised.
    func error(waitingAt place: String) -> LockstepError {
        let (rank, code) = raised ?? (-1, .internalError)
        return LockstepError(
            code, "aborted by rank \(rank) while waiting at \(place)",
            remedy: "read what rank \(rank) printed"
        ).asEcho
    }
}
