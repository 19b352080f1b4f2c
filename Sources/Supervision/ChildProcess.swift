import Diagnostics

#if canImport(Glibc)
    import Glibc
#endif

/// A child in a process group of its own, with this process's output and no input.
package struct ChildProcess: Sendable {
    let identifier: pid_t

    /// Starts `words`, of which the first is the program's path.
    /// - Parameter outputPath: a file to which standard output and errors are added; nil for this process's own.
    package init(_ words: [String], environment: [String: String], outputPath: String? = nil) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A background group that reads the terminal would be stopped.
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if let outputPath {
            posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o666)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signalNumber in [SIGTERM, SIGINT, SIGUSR1] { sigaddset(&signals, signalNumber) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, words[0], &actions, &attributes, &arguments, &variables)
        guard failure == 0 else {
            throw LockstepError(
                .cannotCreate, "\(words[0]) cannot be started: \(String(cString: strerror(failure)))",
                remedy: "check that it may be executed, and the limit of processes (ulimit -u)")
        }
        identifier = child
    }

    /// The status of `waitpid` once the child has ended, else nil. After a status, do not poll again.
    package func poll() -> Int32? {
        var status: Int32 = 0
        return waitpid(identifier, &status, WNOHANG) == identifier ? status : nil
    }

    /// Sends a signal to the child alone.
    package func send(_ signalNumber: Int32) { kill(identifier, signalNumber) }

    /// Ends every process of the child's group.
    func killGroup() { kill(-identifier, SIGKILL) }
}
