import CKernels
import Foundation

/// How often a waiting thread looks before it sleeps.
public enum SpinCount {
    /// About ten microseconds of looking: longer than lanes in step are apart, shorter than two context
    /// switches.
    static let brief = 2000

    /// A brief spin where every participant can have a core, else 0: a spinning thread would keep the one it
    /// waits for from running.
    /// - Parameters:
    ///   - participants: threads that wait for one another, on the whole node.
    ///   - threadsOfThisRank: how many of them this process runs; mpirun may have bound it to a single core.
    public static func suggested(participants: Int, threadsOfThisRank: Int) -> Int {
        let onlineCount = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let allowedCount = Int(lks_allowed_core_count())
        return participants <= onlineCount && threadsOfThisRank <= allowedCount ? brief : 0
    }
}
