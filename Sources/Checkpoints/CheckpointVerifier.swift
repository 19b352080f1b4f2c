import Crypto
import Diagnostics
import Foundation

/// Opens a checkpoint's folder and checks every byte of it.
enum CheckpointVerifier {
    /// - Throws: 65 naming the file, and the tensor where the damage lies in one.
    static func open(_ folder: String) throws -> LoadedCheckpoint {
        let manifest = try manifest(in: folder)
        guard Set(manifest.files.keys) == Set(CheckpointNames.recorded) else {
            throw LockstepError(
                .badData, "the manifest speaks of other files than a checkpoint has",
                at: FileLocation(folder + "/" + CheckpointNames.manifest))
        }
        var mapped: [String: MappedFile] = [:]
        for name in CheckpointNames.recorded {
            guard let record = manifest.files[name] else { continue }
            mapped[name] = try checked(folder + "/" + name, record)
        }
        return LoadedCheckpoint(
            path: folder, manifest: manifest,
            model: try SafetensorsFile(path: folder + "/" + CheckpointNames.model),
            optimizer: try SafetensorsFile(path: folder + "/" + CheckpointNames.optimizer),
            dataJSON: mapped[CheckpointNames.data].map { Array($0.bytes) } ?? [])
    }

    /// The manifest, after its digest was found right.
    static func manifest(in folder: String) throws -> Manifest {
        let path = folder + "/" + CheckpointNames.manifest
        let file = try map(path)
        let digest = try map(folder + "/" + CheckpointNames.manifestDigest)
        guard Array(digest.bytes) == CheckpointNames.digestLine(SHA256.hexadecimal(of: file.bytes)) else {
            throw LockstepError(
                .badData, "the manifest is damaged: it does not match \(CheckpointNames.manifestDigest)",
                at: FileLocation(path))
        }
        return try Manifest(decoding: file.bytes, path: path)
    }

    private static func map(_ path: String) throws -> MappedFile {
        do {
            return try MappedFile(path)
        } catch {
            throw LockstepError(
                .badData, "a file of the checkpoint cannot be read", at: FileLocation(path), cause: error)
        }
    }

    private static func checked(_ path: String, _ record: FileRecord) throws -> MappedFile {
        let file = try map(path)
        if file.bytes.count == record.byteCount, SHA256.hexadecimal(of: file.bytes) == record.sha256 {
            return file
        }
        var message = "the file is damaged"
        if file.bytes.count != record.byteCount {
            message = "the file has \(file.bytes.count) bytes instead of \(record.byteCount)"
        }
        if let place = damagedPlace(file.bytes, path: path, record) { message += ", first in \(place)" }
        throw LockstepError(.badData, message, at: FileLocation(path))
    }

    /// The part of a safetensors file whose bytes are not the ones that were written.
    private static func damagedPlace(
        _ bytes: UnsafeRawBufferPointer, path: String, _ record: FileRecord
    ) -> String? {
        guard let digests = record.tensorDigests else { return nil }
        // A file cut short or grown still has its header: read it as if the size were right.
        guard let header = try? SafetensorsHeader(bytes, path: path, fileByteCount: record.byteCount),
            header.entries.count == digests.count
        else { return "its header" }
        for entry in header.entries {
            guard let digest = digests[entry.name] else { return "its header" }
            guard entry.byteRange.upperBound <= bytes.count,
                SHA256.hexadecimal(of: UnsafeRawBufferPointer(rebasing: bytes[entry.byteRange])) == digest
            else { return "tensor '\(entry.name)'" }
        }
        return bytes.count > record.byteCount ? "the bytes added at its end" : "its header"
    }
}
