import Diagnostics
import Foundation

/// A file that is computed once and kept: by whichever process or thread comes first, while the others wait.
///
/// The file is written aside, flushed to disk and renamed into place, so that a reader sees all of it or none. A
/// lock file beside it, which the system releases even where its holder is killed, keeps the work from being done
/// twice; on file systems without locks it may be, with the same result.
enum CachedFile {
    /// The path of the file named `name` in `folder`; `write` makes it, at the path that it is given, where it is
    /// missing or `isValid` denies it.
    /// - Throws: 73 where the folder cannot be written; what `write` throws.
    static func path(
        folder: String, name: String, isValid: (String) -> Bool, write: (String) throws -> Void
    ) throws -> String {
        let path = "\(folder)/\(name)"
        if isValid(path) { return path }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw LockstepError(
                .cannotCreate, "the cache folder cannot be created", at: FileLocation(folder), cause: error)
        }
        let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw Self.error("cannot be created", path + ".lock") }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0, errno == EINTR {}
        if isValid(path) { return path }
        let aside = "\(path).\(UUID().uuidString).part"
        do {
            try write(aside)
            try Self.flush(aside)
            guard rename(aside, path) == 0 else { throw Self.error("cannot be renamed", aside) }
        } catch {
            unlink(aside)
            throw error
        }
        return path
    }

    private static func flush(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw error("cannot be opened", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw error("cannot be flushed to disk", path) }
    }

    static func error(_ what: String, _ path: String) -> LockstepError {
        LockstepError(
            .cannotCreate, "the cache file \(what): \(String(cString: strerror(errno)))",
            at: FileLocation(path),
            remedy: "choose a cache folder that can be written and has room")
    }
}

/// Appends bytes to a new file through a buffer.
final class CacheWriter {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(path: String) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CachedFile.error("cannot be created", path) }
        buffer.reserveCapacity(1 << 20)
    }

    deinit { close(descriptor) }

    func append(_ bytes: UnsafeRawBufferPointer) throws {
        if buffer.count + bytes.count > 1 << 20 { try flush() }
        if bytes.count >= 1 << 20 { try write(bytes) } else { buffer.append(contentsOf: bytes) }
    }

    func append<Value: BitwiseCopyable>(_ values: [Value]) throws {
        try values.withUnsafeBytes { try append($0) }
    }

    /// Writes what is buffered; nothing may be appended after the last one.
    func flush() throws {
        try buffer.withUnsafeBytes { try write($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes over the first bytes of what was flushed.
    func overwriteStart(with bytes: [UInt8]) throws {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw CachedFile.error("cannot be written", path) }
        try bytes.withUnsafeBytes { try write($0) }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while let base = rest.baseAddress, rest.count > 0 {
            let count = Foundation.write(descriptor, base, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw CachedFile.error("cannot be written", path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
