import Foundation

/// Where what is computed once from data is kept, unless a recipe says otherwise.
enum CacheFolder {
    /// `$XDG_CACHE_HOME/lockstep`, or `~/.cache/lockstep`.
    static var standard: String {
        let given = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"] ?? ""
        return (given.hasPrefix("/") ? given : NSHomeDirectory() + "/.cache") + "/lockstep"
    }
}
