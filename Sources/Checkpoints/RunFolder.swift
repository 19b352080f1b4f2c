import Diagnostics
import Foundation

/// The folder of one run and the places in it.
public struct RunFolder: Sendable, Equatable {
    /// The folder itself.
    public let path: String

    /// Names a folder without touching it.
    public init(path: String) {
        self.path = path
    }

    /// Facts about the run.
    public var runFile: String { path + "/run.json" }
    /// One line of JSON for each logged step and evaluation.
    public var metricsFile: String { path + "/metrics.jsonl" }
    /// The checkpoints.
    public var checkpointsFolder: String { path + "/checkpoints" }
    /// The report of the finished run.
    public var reportFile: String { path + "/report.txt" }
    /// What the finished run's model said of each sample that it was tested on.
    public var predictionsFile: String { path + "/predictions.safetensors" }
    /// The full recipe in effect.
    public var recipeFile: String { path + "/recipe.yaml" }
    /// The file whose lock says that the run goes on; see ``RunLock``.
    public var lockFile: String { path + "/run.lock" }

    /// Whether a run can be continued from here: one that ended before its first checkpoint leaves nothing to keep.
    public var holdsRun: Bool {
        access(runFile, F_OK) == 0 || (try? CheckpointReader.list(in: checkpointsFolder).isEmpty) == false
    }

    /// Makes the folder for a new run; one that is there and holds no run is fine.
    ///
    /// - Throws: 73 where a run is there already or the folder cannot be made.
    public static func create(at path: String) throws -> RunFolder {
        let folder = RunFolder(path: path)
        try refuseExisting(path)
        do {
            try makeFolders(path)
        } catch {
            throw LockstepError(
                .cannotCreate, "cannot create the run folder", at: FileLocation(path),
                remedy: "choose another --output, or check the rights of its parent", cause: error)
        }
        return folder
    }

    /// Refuses a folder in which a run is.
    ///
    /// - Throws: 73 with the two ways out.
    public static func refuseExisting(_ path: String) throws {
        guard RunFolder(path: path).holdsRun else { return }
        throw LockstepError(
            .cannotCreate, "there is a run in this folder already", at: FileLocation(path),
            remedy: "continue it with --resume, or choose another --output")
    }

    /// Names the folder of a run that is to be resumed or read.
    ///
    /// - Throws: 65 where no run is there.
    public static func open(_ path: String) throws -> RunFolder {
        let folder = RunFolder(path: path)
        guard folder.holdsRun else {
            throw LockstepError(
                .badData, "there is no run in this folder", at: FileLocation(path),
                remedy: "check the path; `lockstep train` without --resume starts a run")
        }
        return folder
    }

    private static func makeFolders(_ path: String) throws {
        if mkdir(path, 0o777) == 0 { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeFolders(String(path[..<slash]))
            if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
        }
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { return }
            throw SystemCallFailure(code: ENOTDIR, operation: "create folder \(path)")
        }
        throw SystemCallFailure("create folder \(path)")
    }
}
