import Diagnostics
import Foundation

/// Holds a run folder for one process. The system lets go of it when the process ends, however it ends.
public final class RunLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Throws: 73 where another process holds it (named by pid and host) or the folder cannot be written.
    public init(_ folder: RunFolder) throws {
        let path = folder.lockFile
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw LockstepError(
                .cannotCreate, "the run folder cannot be written", at: FileLocation(folder.path),
                remedy: "choose another --output, or check the rights of this one",
                cause: SystemCallFailure("create \(path)"))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = SystemCallFailure("lock \(path)")
            let holder = Self.holder(descriptor)
            close(descriptor)
            guard reason.code == EWOULDBLOCK else {
                throw LockstepError(
                    .cannotCreate, "the run folder cannot be locked", at: FileLocation(path),
                    remedy: "choose an --output on a file system with locks", cause: reason)
            }
            throw LockstepError(
                .cannotCreate, "the run folder is locked by \(holder)", at: FileLocation(path),
                remedy: "wait for that run to end, or choose another --output")
        }
        do {
            try Self.write("pid \(getpid()) on host \(Self.hostName)\n", to: descriptor, path: path)
        } catch {
            close(descriptor)
            throw LockstepError(
                .cannotCreate, "the lock file cannot be written", at: FileLocation(path), cause: error)
        }
    }

    deinit { close(descriptor) }

    private static func write(_ text: String, to descriptor: Int32, path: String) throws {
        let bytes = Array(text.utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw SystemCallFailure("write to \(path)")
        }
    }

    /// What the holder wrote about itself.
    private static func holder(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)).prefix { $0 >= 0x20 }, as: UTF8.self)
        return text.isEmpty ? "another process" : text
    }

    private static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
