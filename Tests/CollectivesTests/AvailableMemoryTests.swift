import Collectives
import Testing

struct AvailableMemoryTests {
    private func bytes(_ files: [String: String]) -> Int? { AvailableMemory.byteCount { files[$0] } }

    private let system = [
        "/proc/meminfo": "MemTotal:       32000 kB\nMemAvailable:    1000 kB\nBuffers: 5 kB\n"
    ]

    @Test func theSystemsWordCountsWithoutLimits() {
        #expect(bytes(system) == 1000 << 10)
        #expect(bytes([:]) == nil)
        #expect(bytes(system.merging(["/sys/fs/cgroup/memory.max": "max\n"]) { $1 }) == 1000 << 10)
    }

    /// The narrowest group counts; what files take can be taken back.
    @Test func theNarrowestGroupCounts() {
        let groups = [
            "/proc/self/cgroup": "0::/slice/job\n",
            "/sys/fs/cgroup/slice/job/memory.max": "max\n",
            "/sys/fs/cgroup/slice/memory.max": "600000\n",
            "/sys/fs/cgroup/slice/memory.current": "500000\n",
            "/sys/fs/cgroup/slice/memory.stat": "anon 100\ninactive_file 30000\nactive_file 20000\nshmem 9\n",
        ]
        #expect(bytes(system.merging(groups) { $1 }) == 150_000)
    }

    @Test func versionOneCountsToo() {
        let groups = [
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "4096\n",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes": "8192\n",
        ]
        #expect(bytes(system.merging(groups) { $1 }) == 0)
    }
}
