import CKernels
import CMPI
import Diagnostics
import Foundation

/// How the ranks of a host share memory.
enum MemorySharing: String, Sendable, CaseIterable {
    /// Anonymous memory files, opened through /proc: they need no file system, so a container's small /dev/shm is no
    /// limit, and a killed rank leaves nothing behind.
    case file
    /// MPI's shared windows, which lie in /dev/shm.
    case window
    /// Not at all: every rank is a node of its own, with private memory and messages.
    case none
}

extension MPISession {
    /// Pages that ranks share, and what ends that.
    struct SharedPages {
        /// The first byte, on a page boundary.
        let base: UnsafeMutableRawPointer
        /// Unmaps them. Collective for windows: every rank that shares them.
        let release: () throws -> Void
    }

    /// Zeroed memory on a page boundary that the communicator's ranks share. Collective: every rank of it.
    /// - Throws: `cannotCreate`, on all of them, where there is not so much memory.
    static func sharedPages(
        _ byteCount: Int, on communicator: cmpi_communicator, sharing: MemorySharing
    ) throws -> SharedPages {
        let pageByteCount = sysconf(Int32(_SC_PAGESIZE))
        // MPI promises no alignment: one page more leaves room to round up, by the same amount on every rank,
        // since all map the same pages.
        let (mappedByteCount, overflow) = byteCount.addingReportingOverflow(pageByteCount)
        guard byteCount >= 0, !overflow else {
            throw LockstepError(.cannotCreate, "shared memory of \(byteCount.grouped) bytes")
        }
        try checkRoom(mappedByteCount, on: communicator, sharing: sharing)
        let pages =
            switch sharing {
            case .file: try filePages(mappedByteCount, on: communicator)
            case .window: try windowPages(mappedByteCount, pageByteCount, on: communicator)
            case .none: try privatePages(mappedByteCount)
            }
        try zeroTogether(pages.base, byteCount, pageByteCount, on: communicator)
        return pages
    }

    private static let hugePageByteCount = 2 << 20

    /// A memory file that the first rank makes and the others open; all learn whether all could.
    private static func filePages(
        _ byteCount: Int, on communicator: cmpi_communicator
    ) throws -> SharedPages {
        var rank: Int32 = 0
        try check(cmpi_rank(communicator, &rank), "MPI_Comm_rank")
        let made = rank == 0 ? lks_memory_file_create(Int64(byteCount)) : 0
        var place = [Int64(getpid()), Int64(made)]
        let messageByteCount = Int32(2 * MemoryLayout<Int64>.size)
        try check(cmpi_broadcast(&place, messageByteCount, 0, communicator), "MPI_Bcast")
        let own =
            place[1] < 0
            ? Int32(place[1]) : rank == 0 ? made : lks_memory_file_open(place[0], Int32(place[1]))
        let start = own >= 0 ? lks_memory_file_map(own, Int64(byteCount)) : nil
        var areAllMapped: Int64 = 0
        let isMapped: Int64 = start == nil ? 0 : 1
        try check(
            cmpi_allreduce_int64(isMapped, &areAllMapped, CMPI_MINIMUM, communicator), "MPI_Allreduce")
        if own >= 0 { close(own) }
        guard areAllMapped == 1, let start else {
            if let start { munmap(start, byteCount) }
            throw LockstepError(
                .cannotCreate,
                "a memory file of \(byteCount.grouped) bytes cannot be shared among the ranks of this host"
                    + (own < 0 ? ": \(String(cString: strerror(-own)))" : ""),
                remedy:
                    "set LOCKSTEP_SHARED_MEMORY=window (uses /dev/shm) or none (private memory and messages)")
        }
        return SharedPages(base: start) { munmap(start, byteCount) }
    }

    private static func windowPages(
        _ byteCount: Int, _ pageByteCount: Int, on communicator: cmpi_communicator
    ) throws -> SharedPages {
        var mapped: UnsafeMutableRawPointer?
        var window = cmpi_window()
        try check(
            cmpi_allocate_shared(Int64(byteCount), communicator, &mapped, &window),
            "MPI_Win_allocate_shared of \(byteCount.grouped) bytes")
        guard let base = mapped?.alignedUp(toMultipleOf: pageByteCount) else {
            throw LockstepError(.internalError, "MPI_Win_shared_query returned no memory")
        }
        return SharedPages(base: base) { [window] in
            var window = window
            try check(cmpi_free_shared(&window), "MPI_Win_free")
        }
    }

    /// A communicator of one rank shares with nobody.
    private static func privatePages(_ byteCount: Int) throws -> SharedPages {
        guard let memory = SharedMemory.ofOneProcess(byteCount: byteCount) else {
            throw LockstepError(.cannotCreate, "no memory for \(byteCount.grouped) bytes")
        }
        return SharedPages(base: memory.base) { withExtendedLifetime(memory) {} }
    }

    /// Asks the system on the first rank and tells the others: where the memory does not suffice, a rank would
    /// die at the first touch of a page.
    private static func checkRoom(
        _ byteCount: Int, on communicator: cmpi_communicator, sharing: MemorySharing
    ) throws {
        let folder = ProcessInfo.processInfo.environment["OMPI_MCA_osc_sm_backing_directory"] ?? "/dev/shm"
        var free = Int64.max
        var size: Int32 = 0
        try check(cmpi_size(communicator, &size), "MPI_Comm_size")
        if sharing == .window, size > 1 {
            var information = statvfs()
            if statvfs(folder, &information) == 0 {
                free = Int64(clamping: UInt64(information.f_bavail) * UInt64(information.f_frsize))
            }
        } else if let available = AvailableMemory.byteCount() {
            free = Int64(available)
        }
        try check(cmpi_broadcast(&free, Int32(MemoryLayout<Int64>.size), 0, communicator), "MPI_Bcast")
        guard Int64(byteCount) > free else { return }
        let place = sharing == .window && size > 1 ? folder : "this machine, or this container,"
        throw LockstepError(
            .cannotCreate,
            "shared memory of \(byteCount.grouped) bytes: \(place) has \(Int(free).grouped) bytes free",
            remedy: sharing == .window && size > 1
                ? "make \(folder) larger (in a container: --shm-size=…), or set LOCKSTEP_SHARED_MEMORY=none "
                    + "(private memory and messages)"
                : "give the container more memory, use fewer lanes or logical shards, or a smaller model")
    }

    /// Each rank zeroes its part, in huge pages where there are any, so that pages land near several ranks' cores; then
    /// all wait.
    private static func zeroTogether(
        _ base: UnsafeMutableRawPointer, _ byteCount: Int, _ pageByteCount: Int,
        on communicator: cmpi_communicator
    ) throws {
        var size: Int32 = 0
        var rank: Int32 = 0
        try check(cmpi_size(communicator, &size), "MPI_Comm_size")
        try check(cmpi_rank(communicator, &rank), "MPI_Comm_rank")
        // A huge page that two ranks zero would stay small.
        let unit = byteCount >= 2 * Int(size) * hugePageByteCount ? hugePageByteCount : pageByteCount
        let unitCount = (byteCount + unit - 1) / unit
        let first = min(unitCount * Int(rank) / Int(size) * unit, byteCount)
        let end = min(unitCount * (Int(rank) + 1) / Int(size) * unit, byteCount)
        lks_take_huge_pages(base + first, Int64(end - first))
        memset(base + first, 0, end - first)
        try check(cmpi_barrier(communicator), "MPI_Barrier")
    }
}
