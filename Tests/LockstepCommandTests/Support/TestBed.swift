import Foundation
import Testing

/// Hosts with names, shared memory and a network of their own, on this machine: `launch/testbed`. Test beds of different
/// names can be up at once.
struct TestBed {
    /// Why there can be none here; nil where there can.
    static let obstacle: String? = {
        do {
            let result = try RunningCommand(["\(Lockstep.root)/launch/testbed", "check"], environment: [:])
                .wait()
            return result.exitCode == 0 ? nil : result.everything
        } catch {
            return "\(error)"
        }
    }()

    let name: String

    /// Starts a command of the test bed.
    func start(_ words: [String]) throws -> RunningCommand {
        try RunningCommand(
            ["\(Lockstep.root)/launch/testbed"] + words,
            environment: ["LOCKSTEP_TESTBED": name, "LOCKSTEP_DATA": Lockstep.data])
    }

    func command(_ words: [String]) throws -> CommandResult { try start(words).wait(limit: 90) }

    /// Makes hosts, does something, and removes them.
    func with(hosts: Int, _ body: () throws -> Void) throws {
        _ = try command(["down"])
        let up = try command(["up", "--hosts", "\(hosts)", "--bandwidth", "1gbit"])
        try #require(up.exitCode == 0, "\(up.everything)")
        defer { _ = try? command(["down"]) }
        try body()
    }
}
