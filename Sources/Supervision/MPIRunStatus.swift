import Diagnostics

#if canImport(Glibc)
    import Glibc
#endif

/// How mpirun ended, and what that means for the user.
public struct MPIRunStatus: Sendable, Equatable {
    /// The status that `waitpid` gave.
    public var waitStatus: Int32
    /// Whether a request to stop was passed on.
    public var wasAskedToStop: Bool
    /// Whether the time limit passed, so that everything was killed.
    public var isPastDeadline: Bool

    /// Creates a status.
    public init(waitStatus: Int32, wasAskedToStop: Bool = false, isPastDeadline: Bool = false) {
        self.waitStatus = waitStatus
        self.wasAskedToStop = wasAskedToStop
        self.isPastDeadline = isPastDeadline
    }

    /// The exit code of the job.
    ///
    /// A rank's own code passes through, as does 137 of a killed rank. A job past its time limit is a hang.
    /// After a request to stop, mpirun's own 1 (it had to end the ranks) and the codes of ranks that the
    /// request found before they could listen mean `preempted`.
    public static func exitCode(of status: MPIRunStatus) -> Int32 {
        if status.isPastDeadline { return ExitCode.hang.rawValue }
        let signalNumber = status.waitStatus & 0x7F
        let code = signalNumber == 0 ? (status.waitStatus >> 8) & 0xFF : 128 + signalNumber
        let meansStopped = [1, 128 + SIGUSR1, 128 + SIGINT, 128 + SIGTERM].contains(code)
        return status.wasAskedToStop && meansStopped ? ExitCode.preempted.rawValue : code
    }
}
