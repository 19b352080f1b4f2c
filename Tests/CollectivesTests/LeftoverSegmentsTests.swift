import Collectives
import Foundation
import Testing

struct LeftoverSegmentsTests {
    /// Of old segments of this host those go that nobody has mapped or open; nothing else is touched.
    @Test func onlyWhatNobodyUsesGoes() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("shm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let host = ProcessInfo.processInfo.hostName.split(separator: ".").first.map(String.init) ?? ""
        let dead = ["vader_segment.\(host).0.1a2b0001.0", "osc_sm.\(host).1a2b0001.4"]
        let open = "vader_segment.\(host).0.77770001.0"
        let mapped = "vader_segment.\(host).0.77770001.1"
        let young = "vader_segment.\(host).0.77770001.2"
        let others = ["vader_segment.elsewhere.0.1a2b0001.0", "sem.something", "data.bin"]
        for name in dead + [open, mapped, young] + others {
            let path = folder.appendingPathComponent(name).path
            try Data(count: 4096).write(to: URL(fileURLWithPath: path))
            guard name != young else { continue }
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -60)], ofItemAtPath: path)
        }
        let file = try FileHandle(forReadingFrom: folder.appendingPathComponent(open))
        let other = try FileHandle(forReadingFrom: folder.appendingPathComponent(mapped))
        let pages = mmap(nil, 4096, PROT_READ, MAP_SHARED, other.fileDescriptor, 0)
        try other.close()
        #expect(Set(LeftoverSegments.remove(in: folder.path)) == Set(dead))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(left) == Set(others + [open, mapped, young]))
        try file.close()
        munmap(pages, 4096)
        #expect(Set(LeftoverSegments.remove(in: folder.path)) == [open, mapped])
    }
}
