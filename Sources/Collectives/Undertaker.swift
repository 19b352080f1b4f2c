import Foundation

/// Ends what has started this rank, mpirun or its daemon on another host, where that outlives a job that hangs: cut off from
/// the other, each would wait until TCP gives up, a quarter of an hour later.
enum Undertaker {
    /// Seconds that mpirun has to end the job by itself: it takes one or two where its daemons can be reached.
    private static let patience = 15
    private static let starters = ["orted", "mpirun", "orterun"]

    /// Starts a process apart from this one, which may be ended at any time. It waits, and is gone when its work is.
    static func start() {
        let parent = getppid()
        let name = try? String(contentsOfFile: "/proc/\(parent)/comm", encoding: .utf8)
        guard let name, starters.contains(name.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            return
        }
        let script =
            "for i in $(seq \(patience)); do sleep 1; kill -0 $1 2>/dev/null || exit; done; kill -9 $1"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["setsid", "--fork", "sh", "-c", script, "undertaker", String(parent)]
        // A pipe of mpirun's that stays open would keep it waiting.
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Nothing is lost where it cannot be started: then TCP's patience decides.
        try? process.run()
        process.waitUntilExit()
    }
}
