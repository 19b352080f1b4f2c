import Foundation

/// What a command printed and how it ended.
struct CommandResult: Sendable {
    /// The exit code; 128 and the signal's number where a signal ended it.
    let exitCode: Int32
    /// Standard output.
    let output: String
    /// Standard error.
    let errors: String
    /// How long it took.
    let duration: Duration
    /// Whether it had to be killed because it took too long.
    let timedOut: Bool

    /// Whether a trap, an abort or a fault of memory ended it: never right.
    var crashed: Bool { timedOut || (129...139).contains(exitCode) && ![134, 137].contains(exitCode) }
    /// Both streams, for messages of tests.
    var everything: String { "exit \(exitCode) after \(duration)\n\(output)\n\(errors)" }
}

/// A process started by a test. It and all its children carry a mark in their environment, so that none escapes.
final class RunningCommand {
    private let process = Process()
    private let ended = DispatchSemaphore(value: 0)
    private let start: ContinuousClock.Instant
    private let files: [URL]
    /// Tells the processes of this command from all others.
    let mark = UUID().uuidString

    /// Starts a program found along PATH.
    init(_ words: [String], environment: [String: String] = [:], folder: String? = nil) throws {
        let base = FileManager.default.temporaryDirectory
        // Files, not pipes: a full pipe would stop the command.
        let mark = self.mark
        files = ["output", "errors"].map { base.appendingPathComponent("command-\(mark).\($0)") }
        for file in files { try Data().write(to: file) }
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.environment = ProcessInfo.processInfo.environment
            .merging(["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]) { $1 }
            .merging(environment) { $1 }
            .merging(["LOCKSTEP_TEST_MARK": mark]) { $1 }
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        process.terminationHandler = { [ended] _ in ended.signal() }
        start = .now
        try Self.runWithSignalsUnblocked(process)
    }

    deinit { for file in files { try? FileManager.default.removeItem(at: file) } }

    /// Sends a signal to the process that was started, not to its children.
    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Whether it still runs.
    var isRunning: Bool { process.isRunning }

    /// Waits for the end; past the limit everything of this command is killed.
    func wait(limit: Double = 60) throws -> CommandResult {
        let timedOut = ended.wait(timeout: .now() + limit) == .timedOut
        if timedOut {
            for _ in 0..<20 where !processes().isEmpty {
                for process in processes() { kill(process.pid, SIGKILL) }
                usleep(50_000)
            }
        }
        process.waitUntilExit()
        let isSignal = process.terminationReason == .uncaughtSignal
        let texts = try files.map { String(decoding: try Data(contentsOf: $0), as: UTF8.self) }
        return CommandResult(
            exitCode: process.terminationStatus + (isSignal ? 128 : 0), output: texts[0], errors: texts[1],
            duration: .now - start, timedOut: timedOut)
    }

    /// A living process of this command.
    struct Member {
        let pid: Int32
        /// Its rank under mpirun.
        let rank: Int?
    }

    /// The living processes of this command, wherever they hang by now.
    func processes() -> [Member] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).compactMap { pid in
            guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/environ"), !bytes.isEmpty
            else { return nil }
            let variables = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            guard variables.contains("LOCKSTEP_TEST_MARK=\(mark)") else { return nil }
            let prefix = "OMPI_COMM_WORLD_RANK="
            let rank = variables.first { $0.hasPrefix(prefix) }.flatMap { Int($0.dropFirst(prefix.count)) }
            return Member(pid: pid, rank: rank)
        }
    }

    /// Whether all processes of this command are gone within so many seconds.
    func isGone(within seconds: Double) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !processes().isEmpty {
            if ContinuousClock.now > deadline { return false }
            usleep(20_000)
        }
        return true
    }

    /// A task's thread blocks nearly all signals, and a child inherits that: it would never see SIGTERM.
    private static func runWithSignalsUnblocked(_ process: Process) throws {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
    }
}

/// Waits until a condition holds.
/// - Returns: whether it did within so many seconds.
func eventually(within seconds: Double, _ condition: () -> Bool) -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        usleep(5_000)
    }
    return true
}
