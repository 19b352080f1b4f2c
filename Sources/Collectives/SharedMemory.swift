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
        let mappedByteCount = max(byteCount, 1)
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let base = mmap(nil, mappedByteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED
        else { return nil }
        return SharedMemory(base: base, byteCount: byteCount) { munmap(base, mappedByteCount) }
    }
}
