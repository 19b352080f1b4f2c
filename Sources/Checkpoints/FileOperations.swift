import Foundation

/// The system calls of a save, each of which a test can make fail.
///
/// Every call first asks the fault hook, which may throw in its place: so a test stops a save before any of
/// its numbered system calls, as a full disk or a kill would.
package struct FileOperations: Sendable {
    /// Called with the name of each operation just before it.
    package typealias FaultHook = @Sendable (_ operation: String) throws -> Void

    private let faultHook: FaultHook?

    package init(faultHook: FaultHook? = nil) {
        self.faultHook = faultHook
    }

    private func check(_ result: Int32, _ operation: String) throws {
        if result < 0 { throw SystemCallFailure(operation) }
    }

    package func makeFolder(_ path: String) throws {
        try faultHook?("create folder \(path)")
        try check(mkdir(path, 0o777), "create folder \(path)")
    }

    /// Opens a new file for writing; it must not exist.
    package func create(_ path: String) throws -> Int32 {
        try faultHook?("create \(path)")
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        try check(descriptor, "create \(path)")
        return descriptor
    }

    /// Writes all bytes, however many calls that takes.
    package func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
        var rest = bytes
        while !rest.isEmpty {
            try faultHook?("write to \(path)")
            // Linux moves at most 0x7ffff000 bytes a call anyway; smaller pieces give a kill more places to
            // hit.
            let written = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 8 << 20))
            if written < 0 {
                if errno == EINTR { continue }
                throw SystemCallFailure("write to \(path)")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Makes a file's contents durable.
    package func sync(_ descriptor: Int32, path: String) throws {
        try faultHook?("fsync \(path)")
        try check(fsync(descriptor), "fsync \(path)")
        #if canImport(Glibc)
            // What is read back afterwards should come from the disk, not from memory; only a hint.
            _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        #endif
    }

    /// Closes a descriptor; on an error it is closed all the same.
    package func close(_ descriptor: Int32, path: String) throws {
        let verdict = Result { try faultHook?("close \(path)") }
        let result = Foundation.close(descriptor)
        try verdict.get()
        try check(result, "close \(path)")
    }

    /// Makes the entries of a folder durable.
    package func syncFolder(_ path: String) throws {
        try faultHook?("fsync folder \(path)")
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try check(descriptor, "open folder \(path)")
        defer { _ = Foundation.close(descriptor) }
        try check(fsync(descriptor), "fsync folder \(path)")
    }

    package func rename(_ source: String, to target: String) throws {
        try faultHook?("rename \(source) to \(target)")
        try check(Foundation.rename(source, target), "rename \(source) to \(target)")
    }

    /// Removes a folder of plain files; one that does not exist is fine. Links are removed, not followed.
    package func removeFolder(_ path: String) throws {
        for name in try FolderListing.names(in: path) ?? [] {
            let entry = path + "/" + name
            try faultHook?("remove \(entry)")
            if unlink(entry) < 0 {
                guard errno == EISDIR || errno == EPERM else { throw SystemCallFailure("remove \(entry)") }
                try removeFolder(entry)
            }
        }
        try faultHook?("remove folder \(path)")
        if rmdir(path) < 0, errno != ENOENT { throw SystemCallFailure("remove folder \(path)") }
    }
}

/// What is in a folder.
enum FolderListing {
    /// The names in a folder, sorted, hidden ones too; `nil` where there is no such folder.
    static func names(in path: String) throws -> [String]? {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return nil }
            throw SystemCallFailure("read folder \(path)")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
