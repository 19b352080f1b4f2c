import Diagnostics
import Foundation

/// An open file that is written to, with errors that name it.
final class OutputFile: Sendable {
    let path: String
    private let descriptor: Int32

    /// - Throws: 74 where the file cannot be opened.
    init(_ path: String, flags: Int32) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o666)
        if descriptor < 0 { throw Self.failure("cannot open the file", path) }
    }

    deinit { close(descriptor) }

    /// Writes all bytes, in one system call where the system takes them so.
    ///
    /// - Throws: 74.
    func write(_ bytes: some Collection<UInt8>) throws {
        let written: Bool? = bytes.withContiguousStorageIfAvailable { write(all: UnsafeRawBufferPointer($0)) }
        guard written ?? Array(bytes).withUnsafeBytes({ write(all: $0) }) else {
            throw Self.failure("cannot write to the file", path)
        }
    }

    private func write(all bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    /// Makes what was written durable.
    ///
    /// - Throws: 74.
    func sync() throws {
        if fsync(descriptor) != 0 { throw Self.failure("cannot make the file durable", path) }
    }

    static func failure(_ message: String, _ path: String) -> LockstepError {
        let reason = String(cString: strerror(errno))
        return LockstepError(
            .inputOutput, "\(message): \(reason)", at: FileLocation(path),
            remedy: "check the disk's free space and the rights of the folder")
    }

    /// Writes a whole file aside, makes it durable and renames it into place: a reader sees the old one or
    /// the new one.
    ///
    /// - Throws: 74; the old file stays.
    static func replace(_ path: String, with bytes: some Collection<UInt8>) throws {
        let temporary = path + ".tmp"
        do {
            let file = try OutputFile(temporary, flags: O_TRUNC)
            try file.write(bytes)
            try file.sync()
            if rename(temporary, path) != 0 { throw failure("cannot put the file in place", path) }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}
