import CKernels
import Foundation
import Testing

/// Memory that is given back while it stays mapped.
@Suite struct ReleasedPagesTests {
    /// Whole pages alone go, and read as zeros: in a file that others map too, and in memory of one process.
    @Test(arguments: [true, false]) func pagesReadAsZeros(isShared: Bool) throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let byteCount = 64 * page
        let descriptor = isShared ? lks_memory_file_create(Int64(byteCount)) : -1
        defer { if isShared { close(descriptor) } }
        func map() throws -> UnsafeMutablePointer<UInt8> {
            let start =
                isShared
                ? lks_memory_file_map(descriptor, Int64(byteCount))
                : mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            return try #require(start).assumingMemoryBound(to: UInt8.self)
        }
        let memory = try map()
        defer { munmap(memory, byteCount) }
        memory.update(repeating: 7, count: byteCount)
        // From the middle of the second page to the middle of the last but one: 60 whole pages between them.
        let (first, end) = (page + page / 2, byteCount - page - page / 2)
        #expect(lks_release_pages(memory + first, Int64(end - first)) == 0)
        if isShared {
            // Before anybody reads: what is read takes a page again.
            var facts = stat()
            #expect(fstat(descriptor, &facts) == 0 && Int(facts.st_blocks) * 512 <= 5 * page)
        }
        let other = isShared ? try map() : memory
        defer { if isShared { munmap(other, byteCount) } }
        let released = (2 * page)..<(byteCount - 2 * page)
        #expect((0..<byteCount).allSatisfy { other[$0] == (released.contains($0) ? 0 : 7) })
    }

    @Test func lessThanAPageStays() {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 100)
        defer { memory.deallocate() }
        memory.update(repeating: 7, count: 100)
        #expect(lks_release_pages(memory, 100) == 0)
        #expect((0..<100).allSatisfy { memory[$0] == 7 })
    }
}
