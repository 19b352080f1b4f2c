import Foundation

/// Shared memory that MPI jobs of this user left in /dev/shm when they were killed. (Lockstep's own memory is in
/// anonymous files and goes with its processes.)
package enum LeftoverSegments {
    /// What Open MPI calls its files there; the host's name follows.
    private static let prefixes = ["vader_segment.", "osc_sm.", "sm_segment."]
    /// A younger file may belong to a process that has not mapped it yet.
    private static let youngest: TimeInterval = 2

    /// Removes the files that no process has mapped or open. Files of other users and other hosts stay, and all stay
    /// where a process of this user cannot be looked into.
    /// - Returns: the names of those removed.
    @discardableResult
    package static func remove(in folder: String = "/dev/shm") -> [String] {
        let candidates = names(in: folder)
        guard !candidates.isEmpty, let inUse = filesInUse(under: folder) else { return [] }
        return candidates.filter { !inUse.contains("\(folder)/\($0)") && unlink("\(folder)/\($0)") == 0 }
    }

    private static func names(in folder: String) -> [String] {
        let host = ProcessInfo.processInfo.hostName.split(separator: ".").first.map(String.init) ?? ""
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return all.filter { name in
            guard !host.isEmpty, prefixes.contains(where: { name.hasPrefix($0 + host) }) else { return false }
            var status = stat()
            guard lstat("\(folder)/\(name)", &status) == 0, status.st_uid == geteuid() else { return false }
            return Date().timeIntervalSince1970 - Double(status.st_mtim.tv_sec) > youngest
        }
    }

    /// The files of a folder that any process of this user has mapped or open; nil where one cannot be looked into.
    private static func filesInUse(under folder: String) -> Set<String>? {
        let processes = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter {
            $0.allSatisfy(\.isNumber)
        }
        var files: Set<String> = []
        for process in processes {
            var status = stat()
            guard stat("/proc/\(process)", &status) == 0, status.st_uid == geteuid() else { continue }
            guard let maps = wholeText("/proc/\(process)/maps") else {
                // The first process of a container or machine may be closed to all; it is no MPI rank then.
                if process != "1", isAlive(process) { return nil }
                continue
            }
            for line in maps.split(separator: "\n") {
                if let place = line.range(of: folder + "/") {
                    files.insert(String(line[place.lowerBound...]))
                }
            }
            let descriptors = "/proc/\(process)/fd"
            for descriptor in (try? FileManager.default.contentsOfDirectory(atPath: descriptors)) ?? [] {
                let target = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "\(descriptors)/\(descriptor)")
                if let target, target.hasPrefix(folder + "/") { files.insert(target) }
            }
        }
        return files
    }

    /// A file of /proc to its end: the kernel gives a page at a time, at which a reader of ordinary files stops.
    private static func wholeText(_ path: String) -> String? {
        let file = open(path, O_RDONLY)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var text = Data()
        var part = Data(count: 1 << 16)
        while true {
            let count = part.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            if count < 0 { return nil }
            if count == 0 { return String(decoding: text, as: UTF8.self) }
            text.append(part.prefix(count))
        }
    }

    /// Whether a process is still there; one that has ended but was not yet waited for holds no files.
    private static func isAlive(_ process: String) -> Bool {
        guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let state = line.split(separator: ")").last?.first(where: { $0 != " " })
        else { return false }
        return state != "Z" && state != "X"
    }
}
