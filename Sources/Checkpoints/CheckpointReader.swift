import Diagnostics
import Foundation

/// A checkpoint's folder, not opened yet.
public struct CheckpointReference: Sendable, Equatable {
    /// The step in its name.
    public var step: Int
    /// The folder.
    public var path: String
}

/// A checkpoint found, and what was skipped on the way to it.
public struct CheckpointSearch: Sendable {
    /// The checkpoint.
    public var checkpoint: LoadedCheckpoint
    /// One sentence for each damaged checkpoint that was passed over, naming file and tensor. Show them.
    public var warnings: [String]

    /// A checkpoint, and what was skipped on the way to it.
    public init(checkpoint: LoadedCheckpoint, warnings: [String] = []) {
        self.checkpoint = checkpoint
        self.warnings = warnings
    }
}

/// Finds and opens checkpoints. Whatever it returns was checked byte by byte.
public enum CheckpointReader {
    /// The checkpoints in a folder by rising step, unchecked; none where the folder does not exist.
    ///
    /// - Throws: 74 where the folder cannot be read.
    public static func list(in folder: String) throws -> [CheckpointReference] {
        let names: [String]
        do {
            names = try FolderListing.names(in: folder) ?? []
        } catch {
            throw LockstepError(
                .inputOutput, "cannot read the folder", at: FileLocation(folder), cause: error)
        }
        // A save that replaces a step and was killed midway may have left only the hidden old one.
        let replaced = names.compactMap { CheckpointNames.step(ofHidden: $0, prefix: ".old-") }
        var paths: [Int: String] = [:]
        for step in replaced { paths[step] = folder + "/" + CheckpointNames.replaced(step: step) }
        for step in names.compactMap(CheckpointNames.step(ofFolder:)) {
            paths[step] = folder + "/" + CheckpointNames.folder(step: step)
        }
        return paths.map { CheckpointReference(step: $0, path: $1) }.sorted { $0.step < $1.step }
    }

    /// Opens one checkpoint, checking every byte.
    ///
    /// - Throws: 65 naming the file, and the tensor where the damage lies in one.
    public static func load(_ folder: String) throws -> LoadedCheckpoint {
        try CheckpointVerifier.open(folder)
    }

    /// Opens what a user names: a checkpoint's own folder, or a run's, whose best or newest checkpoint is taken.
    ///
    /// - Throws: 65 where there is neither, or none is whole.
    public static func open(_ path: String, prefersBest: Bool) throws -> CheckpointSearch {
        if access(path + "/" + CheckpointNames.manifest, F_OK) == 0 {
            return CheckpointSearch(checkpoint: try load(path))
        }
        let folder = try RunFolder.open(path).checkpointsFolder
        return prefersBest ? try best(in: folder) : try latest(in: folder)
    }

    /// Opens the newest checkpoint that is whole, for a resume.
    ///
    /// - Throws: 65 where none is, with what is wrong with each.
    public static func latest(in folder: String) throws -> CheckpointSearch {
        var warnings: [String] = []
        for reference in try list(in: folder).reversed() {
            do {
                let checkpoint = try open(reference)
                return CheckpointSearch(checkpoint: checkpoint, warnings: warnings)
            } catch {
                warnings.append("skipping the checkpoint of step \(reference.step): \(brief(error))")
            }
        }
        let found = warnings.isEmpty ? "the folder has none" : warnings.joined(separator: "; ")
        throw LockstepError(
            .badData, "no valid checkpoint: \(found)", at: FileLocation(folder),
            remedy: "restore a checkpoint's folder from a backup, or start again with another --output")
    }

    /// Opens the best checkpoint that the newest whole one knows of; that one itself where there is no best
    /// yet.
    ///
    /// - Throws: 65 where none is whole.
    public static func best(in folder: String) throws -> CheckpointSearch {
        var search = try latest(in: folder)
        guard let best = search.checkpoint.state.bestStep, best != search.checkpoint.step else {
            return search
        }
        do {
            let reference = try list(in: folder).first { $0.step == best }
            guard let reference else {
                throw LockstepError(.badData, "there is no folder \(CheckpointNames.folder(step: best))")
            }
            search.checkpoint = try open(reference)
        } catch {
            search.warnings.append(
                "the best checkpoint, step \(best), cannot be used, taking step \(search.checkpoint.step): "
                    + brief(error))
        }
        return search
    }

    private static func open(_ reference: CheckpointReference) throws -> LoadedCheckpoint {
        let checkpoint = try load(reference.path)
        guard checkpoint.step == reference.step else {
            throw LockstepError(
                .badData, "the manifest speaks of step \(checkpoint.step)", at: FileLocation(reference.path))
        }
        return checkpoint
    }

    /// An error on one line, without its remedy.
    private static func brief(_ error: any Error) -> String {
        let error = LockstepError.wrapping(error)
        let place = error.location.map { "\($0): " } ?? ""
        return place + error.message + (error.cause.map { " (\($0))" } ?? "")
    }
}
