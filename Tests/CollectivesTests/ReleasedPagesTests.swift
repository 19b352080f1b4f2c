import CKernels
import Foundation
import Testing

/// Memory that is taken in huge pages, and given back while it stays mapped.
@Suite struct ReleasedPagesTests {
    /// A mapping starts where huge pages can start, takes no addresses beyond its end, and whether or not the system has
    /// huge pages for it, it reads as zeros, and what one writes the other reads.
    @Test(arguments: [100, 5_000_000, 1 << 23]) func hugePagesAreZeroAndShared(byteCount: Int) throws {
        let hugePage = 2 << 20
        let descriptor = lks_memory_file_create(Int64(byteCount))
        defer { close(descriptor) }
        let maps = try (0..<2).map { _ in try #require(lks_memory_file_map(descriptor, Int64(byteCount))) }
        defer { for map in maps { munmap(map, byteCount) } }
        #expect(maps.allSatisfy { Int(bitPattern: $0) % hugePage == 0 })
        // From a place inside a huge page to the end.
        lks_take_huge_pages(maps[0] + 50, Int64(byteCount - 50))
        var facts = stat()
        #expect(fstat(descriptor, &facts) == 0 && facts.st_size == byteCount)
        #expect(Int(facts.st_blocks) * 512 <= byteCount / hugePage * hugePage)
        let bytes = maps.map { $0.assumingMemoryBound(to: UInt8.self) }
        #expect((0..<byteCount).allSatisfy { bytes[1][$0] == 0 })
        bytes[0].update(repeating: 7, count: byteCount)
        #expect((0..<byteCount).allSatisfy { bytes[1][$0] == 7 })
    }

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
