import CMPI
import Diagnostics
import Foundation

extension MPISession {
    /// Zeroed memory on a page boundary that the communicator's ranks share. Collective: every rank of it.
    /// - Throws: `cannotCreate`, on all of them, where the host has not so much shared memory.
    static func sharedPages(
        _ byteCount: Int, on communicator: cmpi_communicator, window: inout cmpi_window
    ) throws -> UnsafeMutableRawPointer {
        let pageByteCount = sysconf(Int32(_SC_PAGESIZE))
        // MPI promises no alignment: one page more leaves room to round up, by the same amount on every rank,
        // since all map the same pages.
        let (mappedByteCount, overflow) = byteCount.addingReportingOverflow(pageByteCount)
        guard byteCount >= 0, !overflow else {
            throw LockstepError(.cannotCreate, "shared memory of \(grouped(byteCount)) bytes")
        }
        try checkFreeSharedMemory(mappedByteCount, on: communicator)
        var mapped: UnsafeMutableRawPointer?
        try check(
            cmpi_allocate_shared(Int64(mappedByteCount), communicator, &mapped, &window),
            "MPI_Win_allocate_shared of \(grouped(byteCount)) bytes")
        guard let base = mapped?.alignedUp(toMultipleOf: pageByteCount) else {
            throw LockstepError(.internalError, "MPI_Win_shared_query returned no memory")
        }
        try zeroTogether(base, byteCount, pageByteCount, on: communicator)
        return base
    }

    /// Asks the system on the first rank and tells the others: where the memory does not suffice, MPI itself
    /// would leave them waiting, or die at the first touch of a page.
    private static func checkFreeSharedMemory(_ byteCount: Int, on communicator: cmpi_communicator) throws {
        var size: Int32 = 0
        try check(cmpi_size(communicator, &size), "MPI_Comm_size")
        guard size > 1 else { return }
        let folder = ProcessInfo.processInfo.environment["OMPI_MCA_osc_sm_backing_directory"] ?? "/dev/shm"
        var information = statvfs()
        var free = Int64.max
        if statvfs(folder, &information) == 0 {
            free = Int64(clamping: UInt64(information.f_bavail) * UInt64(information.f_frsize))
        }
        try check(cmpi_broadcast(&free, Int32(MemoryLayout<Int64>.size), 0, communicator), "MPI_Bcast")
        guard Int64(byteCount) <= free else {
            throw LockstepError(
                .cannotCreate,
                "shared memory of \(grouped(byteCount)) bytes: \(folder) has \(grouped(Int(free))) bytes free",
                remedy:
                    "make \(folder) larger (in a container: --shm-size=…), or use a smaller model")
        }
    }

    /// Each rank zeroes its part, so that pages land near several ranks' cores; then all wait.
    private static func zeroTogether(
        _ base: UnsafeMutableRawPointer, _ byteCount: Int, _ pageByteCount: Int,
        on communicator: cmpi_communicator
    ) throws {
        var size: Int32 = 0
        var rank: Int32 = 0
        try check(cmpi_size(communicator, &size), "MPI_Comm_size")
        try check(cmpi_rank(communicator, &rank), "MPI_Comm_rank")
        let pageCount = (byteCount + pageByteCount - 1) / pageByteCount
        let first = min(pageCount * Int(rank) / Int(size) * pageByteCount, byteCount)
        let end = min(pageCount * (Int(rank) + 1) / Int(size) * pageByteCount, byteCount)
        memset(base + first, 0, end - first)
        try check(cmpi_barrier(communicator), "MPI_Barrier")
    }
}
