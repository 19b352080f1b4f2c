import Diagnostics

/// What can be set on an ``MPICommunicator``.
public struct CommunicatorOptions: Sendable, Equatable {
    /// How long a collective may take before it is an error; from `LOCKSTEP_TIMEOUT`, in seconds.
    public var timeLimit: Duration = .seconds(300)
    /// For tests and experiments: cuts every node into pretended nodes of so many consecutive ranks, which
    /// share no memory with one another; from `LOCKSTEP_RANKS_PER_NODE`.
    public var ranksPerNode: Int?
    /// How the ranks of a host share memory, instead of the best way that works: from `LOCKSTEP_SHARED_MEMORY`, `file`,
    /// `window` or `none`.
    var sharing: MemorySharing?
    /// The longest single MPI message; longer payloads go in pieces, since MPI counts in 32 bits. At most
    /// 2^30.
    public var chunkByteCount = 1 << 30

    /// The defaults.
    public init() {}

    /// The defaults with what the environment sets.
    /// - Throws: `usage` naming the variable and its value.
    public init(environment: [String: String]) throws {
        if let text = environment["LOCKSTEP_TIMEOUT"] {
            guard let seconds = Double(text), seconds > 0, seconds <= 1e9 else {
                throw LockstepError(
                    .usage, "LOCKSTEP_TIMEOUT is '\(text)'",
                    remedy: "set it to a number of seconds greater than 0, or unset it (300)")
            }
            timeLimit = .seconds(seconds)
        }
        if let text = environment["LOCKSTEP_RANKS_PER_NODE"] {
            guard let count = Int(text), count > 0 else {
                throw LockstepError(
                    .usage, "LOCKSTEP_RANKS_PER_NODE is '\(text)'",
                    remedy: "set it to a whole number greater than 0, or unset it")
            }
            ranksPerNode = count
        }
        if let text = environment["LOCKSTEP_SHARED_MEMORY"] {
            guard let way = MemorySharing(rawValue: text) else {
                throw LockstepError(
                    .usage, "LOCKSTEP_SHARED_MEMORY is '\(text)'",
                    remedy: "set it to file, window or none, or unset it (the first of these that works)")
            }
            sharing = way
        }
    }

    /// Refuses values that were set in code and make no sense.
    func validate() throws {
        guard timeLimit > .zero else {
            throw LockstepError(.usage, "the collectives' time limit is \(timeLimit), it must be positive")
        }
        guard ranksPerNode.map({ $0 > 0 }) ?? true else {
            throw LockstepError(.usage, "ranksPerNode is \(ranksPerNode ?? 0), it must be positive")
        }
        guard (1...(1 << 30)).contains(chunkByteCount) else {
            throw LockstepError(.usage, "chunkByteCount is \(chunkByteCount), it must be from 1 to 2^30")
        }
    }
}
