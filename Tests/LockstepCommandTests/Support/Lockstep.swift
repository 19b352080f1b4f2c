import Foundation
import Testing

/// The `lockstep` program beside the test bundle, and the ways to start it.
enum Lockstep {
    struct NotFound: Error, CustomStringConvertible {
        let searched: [String]
        var description: String {
            "lockstep is not beside the test bundle; build it with 'swift build' first. Looked in: "
                + searched.joined(separator: ", ")
        }
    }

    /// The package's folder.
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The folder of data sets that are not part of the package.
    static let data =
        ProcessInfo.processInfo.environment["LOCKSTEP_DATA"] ?? root + "/../shared/data"

    /// Whether a data set is there.
    static func hasData(_ name: String) -> Bool { FileManager.default.fileExists(atPath: data + "/" + name) }

    /// A recipe that ships with the package.
    static func recipe(_ name: String) -> String { "\(root)/launch/recipes/\(name).yaml" }

    /// Starts `lockstep` alone.
    static func start(_ words: [String], environment: [String: String] = [:]) throws -> RunningCommand {
        try RunningCommand(
            [try program()] + words, environment: ["LOCKSTEP_DATA": data].merging(environment) { $1 })
    }

    /// Runs `lockstep` alone.
    static func run(
        _ words: [String], environment: [String: String] = [:], limit: Double = 60
    ) throws -> CommandResult {
        try start(words, environment: environment).wait(limit: limit)
    }

    /// Runs `lockstep` under mpirun.
    /// - Parameter options: of mpirun, beside `-n` and `--oversubscribe`.
    static func mpirun(
        _ ranks: Int, _ words: [String], options: [String] = [], environment: [String: String] = [:]
    ) throws -> CommandResult {
        try mpirun(
            ["-n", "\(ranks)", "--oversubscribe"] + options + [try program()] + words,
            environment: environment)
    }

    /// Runs mpirun with all its words given.
    static func mpirun(_ words: [String], environment: [String: String] = [:]) throws -> CommandResult {
        try RunningCommand(
            ["mpirun"] + words, environment: ["LOCKSTEP_DATA": data].merging(environment) { $1 }
        )
        .wait()
    }

    /// The final hash of a run's last checkpoint.
    static func hash(_ folder: String) throws -> String {
        let result = try run(["inspect", folder, "--hash"])
        #expect(result.exitCode == 0, "\(result.everything)")
        let hash = result.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(hash.count == 64 && hash.allSatisfy(\.isHexDigit), "a hash alone: \(result.output)")
        return hash
    }

    /// The program lies in the products folder, as the test bundle does.
    static func program() throws -> String {
        let own = URL(fileURLWithPath: CommandLine.arguments[0])
        let image = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let test = CommandLine.arguments.first { $0.hasSuffix(".xctest") }.map { URL(fileURLWithPath: $0) }
        let places = [own, image, Bundle.main.bundleURL, test].compactMap { $0 }.flatMap { place in
            let folder = place.deletingLastPathComponent()
            return [place, folder, folder.deletingLastPathComponent()]
        }
        let candidates = places.map { $0.appendingPathComponent("lockstep").path }
        for path in candidates where isProgram(path) { return path }
        throw NotFound(searched: candidates)
    }

    private static func isProgram(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
            && FileManager.default.isExecutableFile(atPath: path)
    }
}

/// How a training is started: what must not change a bit.
enum Start: CustomTestStringConvertible, Sendable {
    case alone(lanes: Int)
    case supervised(ranks: Int, lanes: Int? = nil, isDedicated: Bool = false)
    case mpirun(ranks: Int, isDedicated: Bool = false)
    /// Pretended nodes of so many ranks each.
    case nodes(ranks: Int, perNode: Int, isDedicated: Bool = false)

    var testDescription: String {
        switch self {
        case .alone(let lanes): "alone, \(lanes) lanes"
        case .supervised(let ranks, let lanes, let isDedicated):
            "--ranks \(ranks), lanes \(lanes.map(String.init) ?? "by default"), dedicated \(isDedicated)"
        case .mpirun(let ranks, let isDedicated): "mpirun -n \(ranks), dedicated \(isDedicated)"
        case .nodes(let ranks, let perNode, let isDedicated):
            "\(ranks) ranks, \(perNode) a node, dedicated \(isDedicated)"
        }
    }

    /// Trains.
    func train(_ recipe: String, _ words: [String]) throws -> CommandResult {
        let train = ["train", recipe] + words
        func dedicated(_ isDedicated: Bool) -> [String] { isDedicated ? ["--coordinator", "dedicated"] : [] }
        switch self {
        case .alone(let lanes): return try Lockstep.run(train + ["--lanes", "\(lanes)"])
        case .supervised(let ranks, let lanes, let isDedicated):
            let shown = lanes.map { ["--lanes", "\($0)"] } ?? []
            return try Lockstep.run(train + ["--ranks", "\(ranks)"] + shown + dedicated(isDedicated))
        case .mpirun(let ranks, let isDedicated):
            return try Lockstep.mpirun(ranks, train + dedicated(isDedicated))
        case .nodes(let ranks, let perNode, let isDedicated):
            return try Lockstep.mpirun(
                ranks, train + ["--lanes", "1"] + dedicated(isDedicated),
                environment: ["LOCKSTEP_RANKS_PER_NODE": "\(perNode)"])
        }
    }
}
