import Diagnostics
import Foundation

/// A file mapped read-only into memory; its pages are loaded on demand and never all at once.
///
/// The file must not shrink while it is mapped.
final class MappedFile: @unchecked Sendable {
    let path: String
    let byteCount: Int
    let base: UnsafePointer<UInt8>

    /// Maps the file.
    /// - Throws: 65 for a file that is missing, empty or not a regular file; 74 for one that cannot be read.
    init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.openError(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.openError(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LockstepError(.badData, "this is not a regular file", at: FileLocation(path))
        }
        guard status.st_size > 0 else {
            throw LockstepError(.badData, "the file is empty", at: FileLocation(path))
        }
        byteCount = Int(status.st_size)
        guard let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED
        else { throw Self.openError(path, errno) }
        self.path = path
        base = UnsafePointer(address.assumingMemoryBound(to: UInt8.self))
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: base), byteCount)
    }

    private static func openError(_ path: String, _ number: Int32) -> LockstepError {
        if number == ENOENT || number == ENOTDIR {
            return LockstepError(
                .badData, "there is no such file", at: FileLocation(path),
                remedy: "check the path; relative paths start at the current folder")
        }
        return LockstepError(
            .inputOutput, "the file cannot be read: \(String(cString: strerror(number)))",
            at: FileLocation(path))
    }
}
