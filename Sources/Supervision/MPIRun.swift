import Diagnostics
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// One start of mpirun: what `lockstep train --ranks N` runs.
///
/// Every process is started through `setpriv --pdeathsig KILL`, so the kernel ends mpirun when the supervisor
/// dies, and the ranks when mpirun dies: no worker outlives a `kill -9` of either.
///
/// Open MPI's `odls_base_sigkill_timeout` is left alone: with 60 a failed rank ends the job only after
/// 119 s instead of 1 s (measured, 4.1.4). Requests to stop travel as SIGUSR1 instead.
public struct MPIRun: Sendable {
    /// The number of ranks, the coordinator's included.
    public var ranks: Int
    /// The lanes of each rank.
    public var lanes: Int
    /// The program that every rank runs, with its arguments.
    public var command: [String]
    /// The environment of mpirun.
    public var environment: [String: String]
    /// The processors that can be shared out.
    public var budget: CPUBudget
    /// Whether the user is root, whom mpirun refuses unless told otherwise.
    public var isRoot: Bool
    /// The longest time the job may take, if it is bounded.
    public var timeLimit: Duration?

    /// Describes a start; nothing runs before ``run()``.
    public init(
        ranks: Int, lanes: Int, command: [String],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        budget: CPUBudget = .current(), isRoot: Bool = geteuid() == 0, timeLimit: Duration? = nil
    ) {
        self.ranks = ranks
        self.lanes = lanes
        self.command = command
        self.environment = environment
        self.budget = budget
        self.isRoot = isRoot
        self.timeLimit = timeLimit
    }

    /// The arguments of mpirun, `mpirun` not included.
    ///
    /// Each rank gets `lanes` cores of its own where there are enough, else the ranks share all of them.
    public var arguments: [String] {
        let (needed, overflow) = ranks.multipliedReportingOverflow(by: lanes)
        let hasCores = !overflow && needed <= budget.usableCores
        let binding =
            hasCores
            ? ["--map-by", "slot:PE=\(lanes)", "--bind-to", "core"]
            : ["--bind-to", "none", "--oversubscribe"]
        let exported = environment.keys.filter(Self.isExported).sorted().flatMap { ["-x", $0] }
        return ["-n", String(ranks)] + binding + exported + Self.dyingWithParent + command
    }

    /// The environment of mpirun with what Open MPI needs added; what the user set stays.
    public var launchEnvironment: [String: String] {
        var result = environment
        if isRoot {
            result["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
            result["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        }
        // A thread that waits in a receive otherwise takes half of its core from the lanes.
        if result["OMPI_MCA_mpi_yield_when_idle"] == nil { result["OMPI_MCA_mpi_yield_when_idle"] = "1" }
        return result
    }

    /// How long mpirun may go on when all ranks of this host have ended. Those of other hosts end with them, or within the
    /// second that mpirun gives them; past that it waits for a host that it cannot reach.
    static let patience = Duration.seconds(10)

    static let dyingWithParent = ["setpriv", "--pdeathsig", "KILL"]

    /// Open MPI passes its own OMPI_MCA_ variables on by itself.
    private static func isExported(_ name: String) -> Bool {
        let isPlain = name.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 95
        }
        return isPlain && ["LOCKSTEP_", "ONEDNN_", "DNNL_"].contains { name.hasPrefix($0) }
    }

    /// Starts mpirun, passes signals on, and waits for its end.
    ///
    /// The calling thread blocks; it must not end before mpirun does. The first request to stop reaches the
    /// ranks as SIGUSR1 (mpirun answers a SIGTERM by killing them a second later), the second as SIGTERM.
    /// Call `RunSignals.install(second: .isCounted)` first.
    /// Where mpirun outlives all ranks of this host by ten seconds, as it does when the network to another host is cut,
    /// everything is killed, which counts as a hang.
    /// - Returns: The exit code for this process, see ``MPIRunStatus``.
    /// - Throws: `LockstepError` when mpirun cannot be started.
    public func run() throws -> Int32 {
        guard ranks >= 1, lanes >= 1, !command.isEmpty else {
            throw LockstepError(
                .usage, "cannot start \(ranks) ranks of \(lanes) lanes",
                remedy: "give --ranks and --lanes of at least 1")
        }
        for variable in ["OMPI_COMM_WORLD_SIZE", "PMIX_RANK"] where environment[variable] != nil {
            throw LockstepError(
                .usage, "--ranks starts mpirun, but this process already runs under it (\(variable) is set)",
                remedy: "use either mpirun -n \(ranks) or --ranks \(ranks)")
        }
        let child = try ChildProcess(try words(), environment: launchEnvironment)
        return MPIRunStatus.exitCode(of: watch(child))
    }

    /// What is started: mpirun with its arguments, behind setpriv.
    package func words() throws -> [String] {
        let mpirun = try find("mpirun", package: "openmpi-bin")
        let setpriv = try find("setpriv", package: "util-linux")
        return [setpriv] + Self.dyingWithParent.dropFirst() + [mpirun] + arguments
    }

    private static func tell(_ text: String) {
        FileHandle.standardError.write(Data("lockstep: \(text)\n".utf8))
    }

    private func find(_ program: String, package: String) throws -> String {
        let folders = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        for folder in folders where access("\(folder)/\(program)", X_OK) == 0 {
            return "\(folder)/\(program)"
        }
        throw LockstepError(
            .cannotCreate, "\(program) is not installed", remedy: "apt-get install \(package)")
    }

    private func watch(_ child: ChildProcess) -> MPIRunStatus {
        let clock = ContinuousClock()
        let start = clock.now
        var forcedAt: ContinuousClock.Instant?
        var hasAsked = false
        var isPastDeadline = false
        var localRanks = LocalRanks(of: child.identifier)
        while true {
            if let status = child.poll() {
                // mpirun is gone; nothing of its group may stay behind.
                child.killGroup()
                return MPIRunStatus(
                    waitStatus: status, wasAskedToStop: hasAsked, isPastDeadline: isPastDeadline)
            }
            if RunSignals.stopRequested, !hasAsked {
                hasAsked = true
                child.send(SIGUSR1)
            }
            if RunSignals.leaveNowRequested, forcedAt == nil {
                forcedAt = clock.now
                child.send(SIGTERM)
            }
            if let timeLimit, clock.now - start > timeLimit { isPastDeadline = true }
            if !isPastDeadline, localRanks.haveBeenGone(for: Self.patience, at: clock.now) {
                Self.tell("mpirun outlives all ranks of this host: another host may be cut off")
                isPastDeadline = true
            }
            let isStuck = forcedAt.map { clock.now - $0 > .seconds(5) } == true
            if isPastDeadline || isStuck { child.killGroup() }
            usleep(10_000)
        }
    }
}
