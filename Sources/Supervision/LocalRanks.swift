import Foundation

/// The ranks that an mpirun has running on this host, as /proc shows them.
struct LocalRanks {
    private let parent: pid_t
    private var hadSome = false
    private var goneSince: ContinuousClock.Instant?
    private var nextLook: ContinuousClock.Instant?

    /// - Parameter parent: mpirun's process.
    init(of parent: pid_t) { self.parent = parent }

    /// Whether there have been ranks, and for so long none is left. Looks once a second; never true where /proc does not
    /// show children, or where all ranks are on other hosts.
    mutating func haveBeenGone(for time: Duration, at now: ContinuousClock.Instant) -> Bool {
        if nextLook.map({ now >= $0 }) ?? true {
            nextLook = now + .seconds(1)
            if hasSome {
                (hadSome, goneSince) = (true, nil)
            } else if hadSome, goneSince == nil {
                goneSince = now
            }
        }
        return goneSince.map { now - $0 >= time } ?? false
    }

    /// Whether a child of mpirun is a rank; others are the ways to start daemons elsewhere.
    private var hasSome: Bool {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
        return threads.contains { thread in
            let list = try? String(contentsOfFile: "/proc/\(parent)/task/\(thread)/children", encoding: .utf8)
            return (list ?? "").split(separator: " ").contains { Self.isRank($0) }
        }
    }

    /// A process that has ended and waits to be asked for its status has no environment any more.
    private static func isRank(_ process: Substring) -> Bool {
        guard let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") else {
            return false
        }
        return environment.split(separator: 0).contains { $0.starts(with: "OMPI_COMM_WORLD_RANK=".utf8) }
    }
}
