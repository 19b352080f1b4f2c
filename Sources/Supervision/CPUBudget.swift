import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The processors that this process may use, and how many lanes it should therefore run.
public struct CPUBudget: Sendable, Equatable {
    /// The processors in this process's affinity mask.
    public var affinityCPUs: Int
    /// The processors of the machine.
    public var nodeCPUs: Int
    /// The cores (not hardware threads) behind the affinity mask.
    public var affinityCores: Int
    /// The processors' worth of time that the control group grants, if it is limited.
    public var quotaCPUs: Double?

    /// Creates a budget from numbers; ``current()`` reads them from the system.
    public init(affinityCPUs: Int, nodeCPUs: Int, affinityCores: Int? = nil, quotaCPUs: Double? = nil) {
        self.affinityCPUs = affinityCPUs
        self.nodeCPUs = nodeCPUs
        self.affinityCores = affinityCores ?? affinityCPUs
        self.quotaCPUs = quotaCPUs
    }

    /// The budget of this process.
    public static func current() -> CPUBudget {
        let online = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        func file(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
        let mask = file("/proc/self/status").flatMap(affinityMask) ?? Array(0..<online)
        return CPUBudget(
            affinityCPUs: mask.count, nodeCPUs: online, affinityCores: coreCount(of: mask, file: file),
            quotaCPUs: CgroupQuota.cpus(file: file))
    }

    /// Whole processors that the control group grants on this machine, at least 1.
    private var grantedCPUs: Int {
        guard let quotaCPUs, quotaCPUs < Double(nodeCPUs) else { return max(1, nodeCPUs) }
        return max(1, Int(quotaCPUs))
    }

    /// Whole processors this process may use at the same time, at least 1.
    public var usableCPUs: Int { max(1, min(affinityCPUs, grantedCPUs)) }

    /// Whole cores this process may use at the same time, at least 1.
    public var usableCores: Int { max(1, min(affinityCores, grantedCPUs)) }

    /// The lanes of each of `localReplicas` replicas on this machine: max(1, min(affinity mask,
    /// granted processors / replicas)).
    public func lanes(localReplicas: Int) -> Int {
        max(1, min(affinityCPUs, grantedCPUs / max(1, localReplicas)))
    }

    /// What to tell the user when the affinity mask allows fewer lanes than this machine would; mpirun by
    /// default binds small jobs to one core a rank. Nil when all is well.
    public func affinityWarning(localReplicas: Int) -> String? {
        let wanted = max(1, grantedCPUs / max(1, localReplicas))
        guard affinityCPUs < wanted else { return nil }
        return
            "this rank is bound to \(affinityCPUs) of \(nodeCPUs) processors and runs "
            + "\(max(1, affinityCPUs)) lanes instead of \(wanted); start it with "
            + "mpirun --map-by slot:PE=\(wanted) --bind-to core, or --bind-to none"
    }

    /// The processors in a line like `Cpus_allowed_list:  0-3,8` of `/proc/self/status`; nil without one.
    package static func affinityMask(status: String) -> [Int]? {
        let label = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(label) }) else {
            return nil
        }
        var processors: [Int] = []
        for part in line.dropFirst(label.count).split(separator: ",") {
            let ends = part.split(separator: "-").map { Int($0.trimmingCharacters(in: .whitespaces)) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first >= 0,
                first <= last, last < 1 << 20
            else { return nil }
            processors += first...last
        }
        return processors.isEmpty ? nil : processors
    }

    /// Counts sets of hardware threads that share a core.
    static func coreCount(of mask: [Int], file: (String) -> String?) -> Int {
        let cores = mask.map { cpu in
            file("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list") ?? "\(cpu)"
        }
        return max(1, Set(cores).count)
    }
}
