import Checkpoints
import DataParallel
import Diagnostics
import Foundation

/// Writes checkpoints in the background, one at a time. A failed save keeps the one before and training goes on, until
/// several fail in a row.
public final class CheckpointKeeper: @unchecked Sendable {
    /// Failures in a row after which the run ends.
    public static let maximumFailures = 3
    private let writer: CheckpointWriter
    private let queue = DispatchQueue(label: "checkpoints")
    private let lock = NSLock()
    private var failures = 0
    private var failure: LockstepError?
    private let warn: @Sendable (String) -> Void

    /// Creates a keeper.
    /// - Parameter warn: tells the user of a failed save, or of what a save had to say.
    public init(folder: String, keepLast: Int, warn: @escaping @Sendable (String) -> Void) {
        writer = CheckpointWriter(folder: folder, retention: Retention(keepLast: keepLast))
        self.warn = warn
    }

    /// Runs work behind everything handed in before; what it throws ends the run at the next ``check()``.
    public func perform(_ work: @escaping @Sendable () throws -> Void) {
        queue.async { [self] in
            do {
                try work()
            } catch {
                lock.withLock { failure = failure ?? LockstepError.wrapping(error) }
            }
        }
    }

    /// Saves now, on the calling thread.
    /// - Throws: the failure, when it is the last allowed or the save must not fail.
    public func save(_ contents: CheckpointContents, mustSucceed: Bool) throws {
        do {
            let saved = try writer.save(contents)
            lock.withLock { failures = 0 }
            saved.warnings.forEach(warn)
        } catch {
            let count = lock.withLock {
                failures += 1
                return failures
            }
            let reason = LockstepError.wrapping(error)
            if mustSucceed || count >= Self.maximumFailures { throw reason }
            warn("checkpoint of step \(contents.state.step) failed: \(reason)")
        }
    }

    /// Throws what failed in the background.
    public func check() throws {
        if let failure = lock.withLock({ failure }) { throw failure }
    }

    /// Waits for all saves.
    public func finish() throws {
        queue.sync {}
        try check()
    }
}
