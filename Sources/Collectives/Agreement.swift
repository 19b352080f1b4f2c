import Diagnostics

/// Work that every rank does by itself before the first step, and that may fail on some or on all: opening data,
/// checking shapes. All ranks learn of a failure together, and one of them reports it.
public enum Agreement {
    /// Does the work and compares notes. Collective: every rank, same order.
    /// - Throws: on the lowest rank that failed, its own error; on all others an echo of it with the same code.
    public static func reach<Result>(
        _ communicator: any Communicator, _ work: () throws -> Result
    ) throws -> Result {
        let outcome = Swift.Result(catching: work)
        var own: [UInt8] = []
        var failure: LockstepError?
        if case .failure(let error) = outcome {
            let wrapped = LockstepError.wrapping(error)
            failure = wrapped
            own = withUnsafeBytes(of: wrapped.code.rawValue.littleEndian) { Array($0) }
        }
        let all = try communicator.allgather(own)
        guard let first = all.firstIndex(where: { !$0.isEmpty }) else { return try outcome.get() }
        if first == communicator.rank, let failure { throw failure }
        let code = all[first].prefix(4).reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        throw LockstepError(
            ExitCode(rawValue: code) ?? .internalError, "rank \(first) failed",
            remedy: "read what rank \(first) printed"
        ).asEcho
    }
}
