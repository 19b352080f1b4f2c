import Foundation

/// Reads the processor quota of Linux control groups, versions 2 and 1.
package enum CgroupQuota {
    /// The smallest quota of this process's groups and those above them, in processors; nil without a limit.
    package static func cpus(file: (String) -> String?) -> Double? {
        let groups = (file("/proc/self/cgroup") ?? "").split(separator: "\n")
        let quotas = groups.flatMap { line -> [Double] in
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return [] }
            let controllers = fields[1].split(separator: ",")
            if fields[0] == "0", controllers.isEmpty {
                return ancestors(of: fields[2]).compactMap { path in
                    file("/sys/fs/cgroup\(path)/cpu.max").flatMap(version2)
                }
            }
            guard controllers.contains("cpu") else { return [] }
            return ancestors(of: fields[2]).flatMap { path in
                ["/sys/fs/cgroup/\(fields[1])", "/sys/fs/cgroup/cpu"].compactMap { root -> Double? in
                    guard let quota = file("\(root)\(path)/cpu.cfs_quota_us"),
                        let period = file("\(root)\(path)/cpu.cfs_period_us")
                    else { return nil }
                    return version1(quota: quota, period: period)
                }
            }
        }
        return quotas.min()
    }

    /// `QUOTA PERIOD` or `max PERIOD`, in microseconds.
    package static func version2(_ text: String) -> Double? {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2 else { return nil }
        return version1(quota: String(fields[0]), period: String(fields[1]))
    }

    /// Quota and period in microseconds; a quota of -1 is none.
    package static func version1(quota: String, period: String) -> Double? {
        let whitespace = CharacterSet.whitespacesAndNewlines
        guard let quota = Double(quota.trimmingCharacters(in: whitespace)), quota.isFinite, quota > 0,
            let period = Double(period.trimmingCharacters(in: whitespace)), period.isFinite, period > 0
        else { return nil }
        return quota / period
    }

    /// The path and every folder above it, as suffixes of the mount point (`""` is the mount point itself).
    private static func ancestors(of path: Substring) -> [String] {
        var parts = path.split(separator: "/")
        var paths: [String] = []
        while !parts.isEmpty, parts.count <= 64 {
            paths.append("/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        return paths + [""]
    }
}
