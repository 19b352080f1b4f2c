import Diagnostics
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The requests to stop that reached this process as signals.
///
/// SIGTERM, SIGINT and SIGUSR1 all ask for the same: finish the step, save, leave with 143. A further SIGTERM
/// or SIGINT ends the process at once. Reading ``stopRequested`` costs one relaxed atomic load.
public enum RunSignals {
    /// What a second SIGTERM or SIGINT does.
    public enum SecondSignal: Sendable {
        /// The process ends at once with 143.
        case exitsNow
        /// It is only counted, for a supervisor that passes it on.
        case isCounted
    }

    private static let requests = Atomic<Int>(0)
    private static let forcedRequests = Atomic<Int>(0)
    private static let exitsOnSecond = Atomic<Bool>(true)

    /// Whether somebody asked this process to stop.
    public static var stopRequested: Bool { requests.load(ordering: .relaxed) > 0 }

    /// Whether somebody asked again, by SIGTERM or SIGINT, after the first request.
    public static var leaveNowRequested: Bool { forcedRequests.load(ordering: .relaxed) > 0 }

    /// Starts to watch for the signals; call it once, before the work begins.
    public static func install(second: SecondSignal = .exitsNow) {
        exitsOnSecond.store(second == .exitsNow, ordering: .relaxed)
        // Touches the other globals, so that none is first initialised inside a signal handler.
        requests.store(0, ordering: .relaxed)
        forcedRequests.store(0, ordering: .relaxed)
        for signalNumber in [SIGTERM, SIGINT, SIGUSR1] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { RunSignals.receive($0) }
            // Slow system calls go on instead of failing with EINTR inside libraries that do not expect it.
            action.sa_flags = SA_RESTART
            sigaction(signalNumber, &action, nil)
        }
    }

    /// Runs inside the signal handler: only atomics and `_exit`, which are safe there.
    private static func receive(_ signalNumber: Int32) {
        let earlier = requests.add(1, ordering: .relaxed).oldValue
        guard earlier > 0, signalNumber != SIGUSR1 else { return }
        forcedRequests.add(1, ordering: .relaxed)
        if exitsOnSecond.load(ordering: .relaxed) { _exit(ExitCode.preempted.rawValue) }
    }
}
