import Collectives
import Diagnostics
import Foundation
import Supervision

/// Runs work on every rank of a job and ends the job as a whole: one failing rank takes all others with it.
public enum Launch {
    /// Makes the communicator that fits how the process was started, installs the signal handlers, and runs the work.
    /// An error is printed with rank and remedy and ends the job with its exit code; this function then does not return.
    /// - Parameter stopsBySignal: whether the work ends itself in good order when a signal asks for it.
    public static func run<Result>(
        stopsBySignal: Bool = true, _ work: (any Communicator) throws -> Result
    ) -> Result {
        if stopsBySignal { RunSignals.install() }
        let communicator: any Communicator
        do {
            communicator = try CommunicatorFactory.make()
        } catch {
            let failure = LockstepError.wrapping(error)
            complain(failure)
            exit(failure.code.rawValue)
        }
        do {
            let result = try work(communicator)
            try communicator.finalize()
            return result
        } catch {
            end(LockstepError.wrapping(error), communicator)
        }
    }

    /// Prints an error and ends the job.
    private static func end(_ failure: LockstepError, _ communicator: any Communicator) -> Never {
        let isAlone = communicator.worldSize == 1
        let named = isAlone ? failure : failure.with(rank: communicator.rank)
        if named.isEcho {
            // The rank that failed prints and aborts; this one only makes sure that the job ends.
            Thread.sleep(forTimeInterval: 3)
        } else {
            complain(isAlone ? named.withoutRank : named)
            // In a hang every rank that still can says what it waits for, before the first one ends them all.
            if failure.code == .hang, !isAlone { Thread.sleep(forTimeInterval: 2) }
        }
        communicator.abort(failure.code.rawValue)
    }

    /// Prints an error for people to standard error.
    public static func complain(_ failure: LockstepError) {
        FileHandle.standardError.write(Data("lockstep: \(failure)\n".utf8))
    }
}
