import CMPI
import Diagnostics
import Foundation

extension MPICommunicator {
    /// Times the MPI library's own allreduce: float32, sum, in place, in this process's own memory. Lockstep never
    /// trains with it, since its bits depend on size and algorithm; benchmarks compare with it.
    /// Collective: every rank, same order.
    /// - Parameters:
    ///   - elementCount: floats that are summed.
    ///   - repetitions: how often; all but the best are thrown away.
    /// - Returns: the best time on this rank, in seconds.
    public func timeLibrarySum(elementCount: Int, repetitions: Int) throws -> Double {
        guard let count = Int32(exactly: elementCount), count > 0 else {
            throw LockstepError(
                .usage, "MPI_Allreduce of \(elementCount.grouped) elements",
                remedy: "choose a size from 4 bytes to 8 GiB", rank: rank)
        }
        return try perform("MPI_Allreduce (timed)", byteCount: 4 * elementCount) { session in
            let values = UnsafeMutablePointer<Float>.allocate(capacity: elementCount)
            defer { values.deallocate() }
            var best = Double.infinity
            for _ in 0..<repetitions {
                values.initialize(repeating: 1, count: elementCount)
                try check(cmpi_barrier(session.world), "MPI_Barrier")
                let start = ContinuousClock.now
                try check(cmpi_allreduce_floats(values, count, session.world), "MPI_Allreduce")
                let parts = (ContinuousClock.now - start).components
                best = min(best, Double(parts.seconds) + Double(parts.attoseconds) * 1e-18)
            }
            return best
        }
    }
}
