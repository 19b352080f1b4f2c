import Foundation

/// The memory that this process and its neighbours can still take before the system kills one of them.
package enum AvailableMemory {
    /// Bytes, by the system and by the control groups above this process; nil where neither tells.
    package static func byteCount(
        file: (String) -> String? = { try? String(contentsOfFile: $0, encoding: .utf8) }
    ) -> Int? {
        ([system(file)] + groupLimits(file)).compactMap { $0 }.min()
    }

    private static func system(_ file: (String) -> String?) -> Int? {
        guard
            let line = (file("/proc/meminfo") ?? "").split(separator: "\n").first(where: {
                $0.hasPrefix("MemAvailable:")
            })
        else { return nil }
        return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 << 10 }
    }

    /// What each control group (version 2, or version 1's mount point) still grants.
    private static func groupLimits(_ file: (String) -> String?) -> [Int?] {
        let own = (file("/proc/self/cgroup") ?? "").split(separator: "\n").first { $0.hasPrefix("0::") }
        var parts = (own?.dropFirst(3) ?? "").split(separator: "/")
        var folders = ["/sys/fs/cgroup"]
        while !parts.isEmpty, parts.count <= 64 {
            folders.append("/sys/fs/cgroup/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        let second = folders.map { room(file, $0, limit: "memory.max", used: "memory.current") }
        let first = room(
            file, "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes")
        return second + [first]
    }

    /// Limit less use; what files take can be taken back.
    private static func room(
        _ file: (String) -> String?, _ folder: String, limit: String, used: String
    ) -> Int? {
        func number(_ name: String) -> Int? {
            file("\(folder)/\(name)").flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        guard let most = number(limit), let used = number(used) else { return nil }
        let files = (file("\(folder)/memory.stat") ?? "").split(separator: "\n").compactMap { line -> Int? in
            let words = line.split(separator: " ")
            guard words.count == 2, ["inactive_file", "active_file"].contains(words[0]) else { return nil }
            return Int(words[1])
        }
        return max(0, most - used + files.reduce(0, +))
    }
}
