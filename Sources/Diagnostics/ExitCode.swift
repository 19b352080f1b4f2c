/// The exit codes of every `lockstep` process. Every rank of a job leaves with the same one.
///
/// Codes from `usage` to `numericFailure` are permanent: running the same thing again ends the same way.
/// `hang`, `killed` and `preempted` are worth a retry from the last checkpoint.
public enum ExitCode: Int32, Sendable, CaseIterable {
    /// All went well.
    case done = 0
    /// A defect of Lockstep itself; please report it.
    case internalError = 1
    /// A wrong command line or recipe.
    case usage = 2
    /// Training met non-finite numbers several steps in a row.
    case numericFailure = 17
    /// Bad data, or no valid checkpoint.
    case badData = 65
    /// Something cannot be created, or is locked by another run.
    case cannotCreate = 73
    /// Input or output failed (full disk, unreadable file).
    case inputOutput = 74
    /// Ranks differ from one another, or from the checkpoint.
    case mismatch = 78
    /// A rank waited longer than the time limit.
    case hang = 134
    /// A rank was killed.
    case killed = 137
    /// The run was asked to stop, and saved its state first.
    case preempted = 143
}
