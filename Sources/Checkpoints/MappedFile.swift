import Foundation

/// A file mapped into memory for reading. It must not shrink while it is mapped.
final class MappedFile: @unchecked Sendable {
    // Unchecked: the mapping is private and never written.
    let bytes: UnsafeRawBufferPointer

    /// Maps a plain file.
    ///
    /// - Throws: ``SystemCallFailure``.
    init(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemCallFailure("open \(path)") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw SystemCallFailure("examine \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemCallFailure(code: EINVAL, operation: "\(path) is not a plain file; map it")
        }
        let byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
        else {
            throw SystemCallFailure("map \(path)")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: byteCount)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }
}
