import Diagnostics
import Foundation

/// Housekeeping in a folder of checkpoints.
public enum CheckpointDirectory {
    /// Removes what saves that were killed left behind, and puts back a checkpoint whose replacing was cut
    /// short. Call it at the start of a run, while holding its ``RunLock``.
    ///
    /// - Returns: the left-overs that were dealt with, by name.
    /// - Throws: 74 where the folder cannot be read or changed.
    @discardableResult
    public static func clean(_ folder: String) throws -> [String] {
        let operations = FileOperations()
        do {
            let names = try FolderListing.names(in: folder) ?? []
            var handled: [String] = []
            for name in names {
                if CheckpointNames.step(ofHidden: name, prefix: ".tmp-") != nil {
                    try operations.removeFolder(folder + "/" + name)
                } else if let step = CheckpointNames.step(ofHidden: name, prefix: ".old-") {
                    let place = CheckpointNames.folder(step: step)
                    if names.contains(place) {
                        try operations.removeFolder(folder + "/" + name)
                    } else {
                        try operations.rename(folder + "/" + name, to: folder + "/" + place)
                    }
                } else {
                    continue
                }
                handled.append(name)
            }
            if !handled.isEmpty { try operations.syncFolder(folder) }
            return handled
        } catch {
            throw LockstepError(
                .inputOutput, "left-overs of earlier saves cannot be removed", at: FileLocation(folder),
                remedy: "check the rights of the folder", cause: error)
        }
    }
}
