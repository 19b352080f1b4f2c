import ArgumentParser
import Diagnostics
import Foundation
import Training

/// `lockstep doctor`.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check this machine: MPI, oneDNN, cores, shared memory; what is wrong, and the remedy.")

    @Flag(help: "Print the findings as JSON.") var json = false

    func run() throws {
        if let probed = try MachineCheck.probeMPI() { return say(probed) }
        let findings = MachineCheck.findings()
        if json {
            say(MachineCheck.json(findings))
        } else {
            let width = findings.map(\.name.count).max() ?? 0
            for finding in findings {
                let mark = finding.remedy == nil ? "ok   " : "WRONG"
                say(
                    "\(mark) \(finding.name.padding(toLength: width, withPad: " ", startingAt: 0))  \(finding.value)"
                )
                if let remedy = finding.remedy { say("      remedy: \(remedy)") }
            }
        }
        if findings.contains(where: \.isFatal) { throw ExitCode(Diagnostics.ExitCode.cannotCreate.rawValue) }
    }
}
