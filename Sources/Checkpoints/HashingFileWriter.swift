import Crypto

/// Writes a new file from front to back, computing its SHA-256 on the way.
struct HashingFileWriter: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private let operations: FileOperations
    private var hasher = SHA256()
    private(set) var byteCount = 0

    private init(path: String, descriptor: Int32, operations: FileOperations) {
        self.path = path
        self.descriptor = descriptor
        self.operations = operations
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
        hasher.update(bufferPointer: bytes)
        byteCount += bytes.count
        try operations.write(bytes, to: descriptor, path: path)
    }

    /// Creates a file, writes the pieces that `fill` hands over, makes it durable and closes it in any case.
    ///
    /// - Throws: ``SystemCallFailure`` and what `fill` throws.
    static func write(
        _ path: String, operations: FileOperations,
        fill: (_ write: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> (byteCount: Int, sha256: String) {
        let descriptor = try operations.create(path)
        var writer = HashingFileWriter(path: path, descriptor: descriptor, operations: operations)
        do {
            try fill { try writer.write($0) }
            try operations.sync(descriptor, path: path)
        } catch {
            try? operations.close(descriptor, path: path)
            throw error
        }
        try operations.close(descriptor, path: path)
        return (writer.byteCount, writer.hasher.finalize().hexadecimal)
    }
}
