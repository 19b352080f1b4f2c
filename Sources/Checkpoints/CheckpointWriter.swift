import Crypto
import Diagnostics
import Foundation

/// A checkpoint that was written, verified and put in place.
public struct SavedCheckpoint: Sendable {
    /// The checkpoint's folder.
    public var path: String
    /// The step it was taken at.
    public var step: Int
    /// The size of all its files.
    public var byteCount: Int
    /// Older checkpoints that retention removed, by step.
    public var removedSteps: [Int]
    /// What went wrong without harm to this checkpoint, for instance an old one that could not be removed.
    public var warnings: [String]
}

/// Writes checkpoints so that a reader sees the new one whole or the one before, never half of one.
///
/// A checkpoint is written into a hidden folder beside its place; every file and the folder are made durable,
/// read back and compared with their digests; one rename puts it in place. Older ones go only after that.
public struct CheckpointWriter: Sendable {
    /// The folder that holds the checkpoints.
    public let folder: String
    /// Which older checkpoints stay.
    public let retention: Retention
    private let operations: FileOperations

    /// Creates a writer; the folder is made at the first save.
    public init(folder: String, retention: Retention = Retention()) {
        self.init(folder: folder, retention: retention, operations: FileOperations())
    }

    /// Creates a writer whose system calls a test can make fail.
    package init(folder: String, retention: Retention, operations: FileOperations) {
        self.folder = folder
        self.retention = retention
        self.operations = operations
    }

    /// Saves a checkpoint as `step-00000040`, replacing one of the same step.
    ///
    /// - Throws: 74 where it cannot be written; the checkpoints that were there stay valid, and the message
    ///   says which one is kept.
    public func save(_ contents: CheckpointContents) throws -> SavedCheckpoint {
        let step = contents.state.step
        let kept = try? CheckpointReader.list(in: folder).last
        let temporary = folder + "/" + CheckpointNames.temporary(step: step)
        let place = folder + "/" + CheckpointNames.folder(step: step)
        do {
            if access(folder, F_OK) != 0 { try operations.makeFolder(folder) }
            try operations.removeFolder(temporary)
            let byteCount = try write(contents, into: temporary)
            _ = try CheckpointVerifier.open(temporary)
            try put(temporary, inPlace: place, step: step)
            var saved = SavedCheckpoint(
                path: place, step: step, byteCount: byteCount, removedSteps: [], warnings: [])
            removeOld(after: contents.state, &saved)
            return saved
        } catch let error as LockstepError where error.code == .internalError {
            try? operations.removeFolder(temporary)
            throw error
        } catch {
            try? operations.removeFolder(temporary)
            throw failure(error, step: step, kept: kept)
        }
    }

    /// Writes all files and makes them durable.
    ///
    /// - Returns: their size.
    private func write(_ contents: CheckpointContents, into temporary: String) throws -> Int {
        try operations.makeFolder(temporary)
        let metadata = ["format": "pt", "step": String(contents.state.step)]
        var files: [String: FileRecord] = [:]
        files[CheckpointNames.model] = try SafetensorsWriter.write(
            contents.parameters, metadata: metadata, to: temporary + "/" + CheckpointNames.model,
            operations: operations)
        files[CheckpointNames.optimizer] = try SafetensorsWriter.write(
            contents.optimizer, metadata: metadata, to: temporary + "/" + CheckpointNames.optimizer,
            operations: operations)
        files[CheckpointNames.data] = try write(contents.dataJSON, to: temporary + "/" + CheckpointNames.data)
        let manifest = Manifest(
            state: contents.state, recipeHash: contents.recipeHash, recipeText: contents.recipeText,
            recipeKeys: contents.recipeKeys, files: files, wallSeconds: contents.wallSeconds,
            libraryVersions: contents.libraryVersions, base: contents.base)
        let record = try write(manifest.encoded(), to: temporary + "/" + CheckpointNames.manifest)
        let digest = try write(
            CheckpointNames.digestLine(record.sha256), to: temporary + "/" + CheckpointNames.manifestDigest)
        try operations.syncFolder(temporary)
        return files.values.reduce(record.byteCount + digest.byteCount) { $0 + $1.byteCount }
    }

    private func write(_ bytes: [UInt8], to path: String) throws -> FileRecord {
        let written = try HashingFileWriter.write(path, operations: operations) { write in
            try bytes.withUnsafeBytes(write)
        }
        return FileRecord(byteCount: written.byteCount, sha256: written.sha256)
    }

    /// Renames the finished folder into its place and makes that durable.
    private func put(_ temporary: String, inPlace place: String, step: Int) throws {
        let replaced = folder + "/" + CheckpointNames.replaced(step: step)
        // A folder cannot be renamed over one with files. Until the new one is in place, readers take the old
        // one under its hidden name.
        let replaces = access(place, F_OK) == 0
        if replaces {
            try operations.removeFolder(replaced)
            try operations.rename(place, to: replaced)
        }
        do {
            try operations.rename(temporary, to: place)
        } catch {
            if replaces { try operations.rename(replaced, to: place) }
            throw error
        }
        try operations.syncFolder(folder)
        if replaces { try operations.removeFolder(replaced) }
    }

    private func removeOld(after state: TrainingState, _ saved: inout SavedCheckpoint) {
        do {
            let steps = try CheckpointReader.list(in: folder).map(\.step)
            for step in retention.removableSteps(among: steps, after: state) {
                try operations.removeFolder(folder + "/" + CheckpointNames.folder(step: step))
                saved.removedSteps.append(step)
            }
        } catch {
            saved.warnings.append("an old checkpoint could not be removed: \(error)")
        }
    }

    private func failure(_ error: any Error, step: Int, kept: CheckpointReference?) -> LockstepError {
        let keeping = kept.map { "keeping step \($0.step)" } ?? "there is no earlier checkpoint to keep"
        let isFull = (error as? SystemCallFailure).map { [ENOSPC, EDQUOT].contains($0.code) } ?? false
        return LockstepError(
            .inputOutput, "the checkpoint of step \(step) was not saved, \(keeping)",
            at: FileLocation(folder),
            remedy: isFull
                ? "free space on the disk, or keep fewer checkpoints"
                : "check the disk and the rights of the folder", step: step, cause: error)
    }
}
