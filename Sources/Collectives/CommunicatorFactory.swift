import Diagnostics
import Foundation

/// Chooses the communicator by how the process was launched.
public enum CommunicatorFactory {
    /// What mpirun sets for its ranks: Open MPI, PMIx, and MPICH's PMI.
    static let launcherVariables = ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"]

    /// An ``MPICommunicator`` under mpirun, else a ``SoloCommunicator``, which never initialises MPI.
    /// Collective under mpirun: every rank.
    /// - Throws: `mismatch` where Slurm started several tasks but MPI knows nothing of them (they would be so
    ///   many solo runs); `usage` for a wrong `LOCKSTEP_TIMEOUT` or `LOCKSTEP_RANKS_PER_NODE`.
    public static func make(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> any Communicator {
        let options = try CommunicatorOptions(environment: environment)
        if isLaunchedByMPI(environment) { return try MPICommunicator(options: options) }
        if let text = environment["SLURM_NTASKS"], let taskCount = Int(text), taskCount > 1 {
            throw LockstepError(
                .mismatch,
                "Slurm has \(taskCount) tasks (SLURM_NTASKS), but this process was not started through MPI",
                remedy: "start it with 'srun --mpi=pmix' or 'mpirun', or ask Slurm for one task (--ntasks=1)")
        }
        return SoloCommunicator()
    }

    /// Whether the environment is one that mpirun (or srun through PMIx or PMI) made for a rank.
    public static func isLaunchedByMPI(_ environment: [String: String]) -> Bool {
        launcherVariables.contains { environment[$0] != nil }
    }
}
