import Crypto
import Diagnostics

/// Writes safetensors files, tensor by tensor, straight out of the caller's memory.
public enum SafetensorsWriter {
    /// Writes a new file and makes it durable.
    ///
    /// - Parameters:
    ///   - tensors: in any order; the file has wide element types first, then by name.
    ///   - metadata: free text for the header's `__metadata__`.
    ///   - path: must not exist.
    /// - Throws: 74 where it cannot be written; what was written until then stays.
    public static func write(
        _ tensors: [NamedTensor], metadata: [String: String] = [:], to path: String
    ) throws {
        do {
            _ = try write(tensors, metadata: metadata, to: path, operations: FileOperations())
        } catch let failure as SystemCallFailure {
            throw LockstepError(
                .inputOutput, "cannot write the file", at: FileLocation(path),
                remedy: "check the folder, its rights and the free space", cause: failure)
        }
    }

    static func write(
        _ tensors: [NamedTensor], metadata: [String: String], to path: String, operations: FileOperations
    ) throws -> FileRecord {
        let layout = try SafetensorsLayout(tensors, metadata: metadata)
        var digests: [String: String] = [:]
        let written = try HashingFileWriter.write(path, operations: operations) { write in
            try layout.header.withUnsafeBytes(write)
            for tensor in layout.tensors {
                digests[tensor.name] = try tensor.withBytes { bytes in
                    guard bytes.count == tensor.byteCount else {
                        throw LockstepError(
                            .internalError,
                            "tensor '\(tensor.name)' has \(bytes.count) bytes, not \(tensor.byteCount)")
                    }
                    try write(bytes)
                    return SHA256.hexadecimal(of: bytes)
                }
            }
        }
        return FileRecord(byteCount: written.byteCount, sha256: written.sha256, tensorDigests: digests)
    }
}
