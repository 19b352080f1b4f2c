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
    private let copies = DispatchQueue(label: "copies")
    private let saves = DispatchQueue(label: "checkpoints")
    /// At most two copies wait for the disk; a third waits for one of them.
    private let room = DispatchSemaphore(value: 2)
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

    /// Copies a state in the background, apart from the saves before it, which may take long; then saves it in turn.
    /// What either throws ends the run at the next ``check()``.
    /// - Parameter copy: copies, and returns how to save the copy; `nil` when there is nothing to save.
    public func copy(_ copy: @escaping @Sendable () throws -> (@Sendable () throws -> Void)?) {
        copies.async { [self] in
            room.wait()
            guard let save = attempted({ try copy() }) ?? nil else { return _ = room.signal() }
            saves.async { [self] in
                _ = attempted { try save() }
                room.signal()
            }
        }
    }

    private func attempted<Result>(_ work: () throws -> Result) -> Result? {
        do {
            return try work()
        } catch {
            lock.withLock { failure = failure ?? LockstepError.wrapping(error) }
            return nil
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
            try count(error, what: "checkpoint of step \(contents.state.step)", mustSucceed: mustSucceed)
        }
    }

    /// Writes something beside the checkpoints; its failures count like those of saves.
    public func attempt(_ what: String, _ work: () throws -> Void) throws {
        do {
            try work()
        } catch {
            try count(error, what: what, mustSucceed: false)
        }
    }

    private func count(_ error: any Error, what: String, mustSucceed: Bool) throws {
        let count = lock.withLock {
            failures += 1
            return failures
        }
        let reason = LockstepError.wrapping(error)
        if mustSucceed || count >= Self.maximumFailures { throw reason }
        warn("\(what) failed: \(reason)")
    }

    /// Throws what failed in the background.
    public func check() throws {
        if let failure = lock.withLock({ failure }) { throw failure }
    }

    /// Waits for all saves.
    public func finish() throws {
        copies.sync {}
        saves.sync {}
        try check()
    }
}
