import Foundation

/// Memory that all ranks of a node see, each at an address of its own; see
/// ``Communicator/allocateShared(byteCount:)``.
///
/// Lifetime: memory of a ``SoloCommunicator`` lives as long as this object. Memory of an ``MPICommunicator``
/// lives until ``Communicator/finalize()``, which frees it on all ranks together, whether or not this object
/// still exists. To be right with both, keep the object as long as the memory is used and let no thread use
/// it after `finalize`. No file or segment is left behind when a rank is killed.
public final class SharedMemory: @unchecked Sendable {
    /// The first byte, on a page boundary.
    public let base: UnsafeMutableRawPointer
    /// The length that was asked for.
    public let byteCount: Int
    private let release: (() -> Void)?

    init(base: UnsafeMutableRawPointer, byteCount: Int, release: (() -> Void)? = nil) {
        self.base = base
        self.byteCount = byteCount
        self.release = release
    }

    deinit { release?() }

    /// Zeroed memory of this process alone, or nil if the system has none. Pages are placed where they are
    /// first touched.
    static func ofOneProcess(byteCount: Int) -> SharedMemory? {
        // Room to start on a huge page's boundary, so that the first and last arenas get huge pages too.
        let room = byteCount >= hugePageByteCount ? hugePageByteCount : 0
        let (mappedByteCount, overflow) = max(byteCount, 1).addingReportingOverflow(room)
        if overflow { return nil }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let start = mmap(nil, mappedByteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
            start != MAP_FAILED
        else { return nil }
        let offset = byteCount >= hugePageByteCount ? (-Int(bitPattern: start)) & (hugePageByteCount - 1) : 0
        let memory = SharedMemory(base: start + offset, byteCount: byteCount) {
            munmap(start, mappedByteCount)
        }
        memory.adviseHugePages()
        return memory
    }

    private static let hugePageByteCount = 2 << 20

    /// Asks for pages of 2 MiB: embedding rows are read at random, and each small page costs a look-up of its own.
    /// Only advice: where the system gives none, small ones serve.
    private func adviseHugePages() {
        #if os(Linux)
            let madviseHugePage: Int32 = 14
            _ = madvise(base, byteCount, madviseHugePage)
        #endif
    }
}
