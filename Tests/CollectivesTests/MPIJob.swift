import Foundation

/// What a job under mpirun printed and how it ended.
struct JobResult {
    let exitCode: Int32
    let output: String
    let duration: Duration
    /// Whether it had to be killed because it took too long.
    let timedOut: Bool

    func lines(startingWith prefix: String) -> [Substring] {
        output.split(separator: "\n").filter { $0.hasPrefix(prefix) }
    }
}

/// Starts `CollectivesContractRunner` under mpirun, and sees to it that it ends.
enum MPIJob {
    struct RunnerNotFound: Error, CustomStringConvertible {
        let searched: [String]
        var description: String {
            "CollectivesContractRunner is not beside the test bundle; build it with 'swift build' first. "
                + "Looked in: " + searched.joined(separator: ", ")
        }
    }

    /// Runs a scenario on so many ranks.
    /// - Parameters:
    ///   - arguments: the scenario's name and what it takes.
    ///   - environment: variables beside those of this process.
    ///   - limit: seconds after which the job is killed.
    static func run(
        ranks: Int, _ arguments: [String], environment: [String: String] = [:], limit: Double = 60
    ) throws -> JobResult {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["mpirun", "-n", "\(ranks)", "--oversubscribe", try runnerPath()] + arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging([
                "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            ]) { $1 }
            .merging(environment) { $1 }
        let log = FileManager.default.temporaryDirectory.appendingPathComponent(
            "job-\(UUID().uuidString).log")
        guard FileManager.default.createFile(atPath: log.path, contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        defer { try? FileManager.default.removeItem(at: log) }
        // A file, not a pipe: a full pipe would stop the job.
        let file = try FileHandle(forWritingTo: log)
        defer { try? file.close() }
        process.standardOutput = file
        process.standardError = file
        return try finish(process, log: log, limit: limit)
    }

    private static func finish(_ process: Process, log: URL, limit: Double) throws -> JobResult {
        let ended = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in ended.signal() }
        let start = ContinuousClock.now
        try runWithSignalsUnblocked(process)
        let timedOut = ended.wait(timeout: .now() + limit) == .timedOut
        if timedOut {
            // mpirun passes SIGTERM on to its ranks and kills them a second later.
            process.terminate()
            if ended.wait(timeout: .now() + 5) == .timedOut { kill(process.processIdentifier, SIGKILL) }
        }
        process.waitUntilExit()
        let output = String(decoding: try Data(contentsOf: log), as: UTF8.self)
        return JobResult(
            exitCode: process.terminationStatus, output: output, duration: ContinuousClock.now - start,
            timedOut: timedOut)
    }

    /// A task's thread blocks nearly all signals, and a child inherits that: mpirun would never see SIGTERM, and
    /// killing it leaves its shared memory behind.
    private static func runWithSignalsUnblocked(_ process: Process) throws {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try process.run()
    }

    /// The runner lies in the products folder, as the test bundle does.
    private static func runnerPath() throws -> String {
        let own = URL(fileURLWithPath: CommandLine.arguments[0])
        let image = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let bundle = Bundle.main.bundleURL
        let test = CommandLine.arguments.first { $0.hasSuffix(".xctest") }.map { URL(fileURLWithPath: $0) }
        let folders = [own, image, bundle, test].compactMap { $0 }.flatMap { place in
            let folder = place.deletingLastPathComponent()
            return [place, folder, folder.deletingLastPathComponent()]
        }
        let candidates = folders.map { $0.appendingPathComponent("CollectivesContractRunner").path }
        for path in candidates where FileManager.default.isExecutableFile(atPath: path) { return path }
        throw RunnerNotFound(searched: candidates)
    }
}
