import Diagnostics
import Foundation
import Supervision

/// How well several ranks do against as many independent runs of one rank, side by side on the same cores: what they
/// share of the machine (memory, caches, power) slows both alike, so that the rest is the price of working together.
public struct ScalingBenchmark: Sendable {
    /// The result for one number of ranks.
    public struct Line: Sendable {
        /// The workload's name.
        public let workload: String
        /// Ranks.
        public let ranks: Int
        /// Milliseconds a step of the ranks together.
        public let stepMilliseconds: Double
        /// Milliseconds a step of the independent runs, their mean.
        public let independentMilliseconds: Double
        /// Turns that each side had.
        public let turns: Int

        /// The part of the independent runs' speed that the ranks together reach.
        public var efficiency: Double { independentMilliseconds / stepMilliseconds }

        /// One line of JSON.
        public var json: String {
            "{\"peer\": \"lockstep\", \"workload\": \"\(workload)\", \"ranks\": \(ranks), "
                + "\"step_ms\": \(Self.rounded(stepMilliseconds)), "
                + "\"independent_step_ms\": \(Self.rounded(independentMilliseconds)), "
                + "\"efficiency\": \(Self.rounded(efficiency)), \"turns\": \(turns)}"
        }

        /// The result for people.
        public var text: String {
            "\(workload), \(ranks) ranks: \(Self.rounded(stepMilliseconds)) ms a step, independent runs "
                + "\(Self.rounded(independentMilliseconds)) ms: efficiency \(Self.rounded(efficiency)) "
                + "(\(turns) turns)"
        }

        private static func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
    }

    /// The reference workload.
    public let workload: String
    /// Ranks of each measurement.
    public let ranks: [Int]
    /// How often both sides are measured at the most, by turns; the best counts.
    public let rounds: Int
    /// Two turns are enough where the two best of each side agree so well.
    private static let settled = 0.01
    /// The `lockstep` program.
    let program: String
    /// The cores of this process.
    let cores: [Int]

    /// Creates a benchmark.
    /// - Throws: `LockstepError` (2) for more ranks than this process has cores, which would measure the waiting for them.
    public init(workload: String, ranks: [Int], rounds: Int = 8, program: String) throws {
        _ = try Workload.named(workload)
        self.workload = workload
        self.ranks = ranks
        self.rounds = rounds
        self.program = program
        cores = Self.allowedCores
        if let most = ranks.max(), most > cores.count {
            throw LockstepError(
                .usage, "\(most) ranks on the \(cores.count) cores of this process",
                remedy: "measure at most \(cores.count) ranks, or widen the affinity mask")
        }
    }

    /// Measures every number of ranks.
    public func run() throws -> [Line] {
        try ranks.map { count in
            var (together, apart): ([Double], [Double]) = ([], [])
            repeat {
                apart.append(try independent(count))
                together.append(try Self.step(of: try start(mpirun(count))))
            } while together.count < rounds && !(Self.isSettled(together) && Self.isSettled(apart))
            return Line(
                workload: workload, ranks: count, stepMilliseconds: together.min() ?? .nan,
                independentMilliseconds: apart.min() ?? .nan, turns: together.count)
        }
    }

    /// Whether a second turn has confirmed the best.
    package static func isSettled(_ times: [Double]) -> Bool {
        let best = times.sorted().prefix(2)
        return best.count == 2 && best[1] <= best[0] * (1 + settled)
    }

    /// So many runs of one rank at once, each on a core of its own: the mean of their steps.
    private func independent(_ count: Int) throws -> Double {
        let runs = try cores.prefix(count).map { core in
            try start(["taskset", "-c", String(core), program] + words)
        }
        let steps = runs.map { run in Result { try Self.step(of: run) } }
        return try steps.map { try $0.get() }.reduce(0, +) / Double(count)
    }

    private var words: [String] {
        [
            "bench", "train", "--workload", workload, "--lanes", "1", "--rounds", "2", "--no-floor", "--json",
        ]
    }

    private func mpirun(_ count: Int) -> [String] {
        [
            "taskset", "-c", cores.prefix(count).map(String.init).joined(separator: ","), "mpirun", "-n",
            String(count),
        ]
            + ["--bind-to", "core", program] + words
    }

    private struct Run {
        let process: Process
        let output: Pipe
    }

    private func start(_ words: [String]) throws -> Run {
        let run = Run(process: Process(), output: Pipe())
        run.process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        run.process.arguments = words
        run.process.environment = ProcessInfo.processInfo.environment.merging([
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        ]) { own, _ in own }
        run.process.standardOutput = run.output
        do {
            try run.process.run()
        } catch {
            throw LockstepError(.cannotCreate, "cannot start \(words[0])", cause: error)
        }
        return run
    }

    /// The milliseconds a step that a run of `bench train --json` printed.
    private static func step(of run: Run) throws -> Double {
        let data = run.output.fileHandleForReading.readDataToEndOfFile()
        run.process.waitUntilExit()
        let line = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
        guard run.process.terminationStatus == 0, let step = line?["step_ms"] as? Double else {
            throw LockstepError(
                .internalError, "a run of the benchmark ended with \(run.process.terminationStatus)",
                remedy: "see what it printed above; taskset (util-linux) and mpirun must be installed")
        }
        return step
    }

    /// The cores that this process may run on.
    private static var allowedCores: [Int] {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        return CPUBudget.affinityMask(status: status) ?? [0]
    }
}
