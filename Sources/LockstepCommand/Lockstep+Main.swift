import ArgumentParser
import Diagnostics
import Foundation
import Training

/// The `lockstep` command.
@main
struct LockstepMain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockstep",
        abstract: "Trains neural networks data-parallel over MPI: the same bits on any number of workers.",
        discussion: """
            Exit codes: 0 done, 2 usage, 17 numeric failure, 65 bad data or no valid checkpoint, 73 cannot create or \
            locked, 74 input or output, 78 mismatch between ranks or with the checkpoint, 134 hang, 137 a rank was \
            killed, 143 stopped and saved.
            """,
        version: Versions.lockstep,
        subcommands: [
            Train.self, Evaluate.self, Compare.self, SweepCommand.self, Predict.self, Generate.self,
            Translate.self, Inspect.self, Export.self, PlanCommand.self,
            Doctor.self, Bench.self,
        ])

    /// Runs a subcommand; wrong words end with 2, errors of Lockstep with their own code.
    static func main() {
        do {
            var command = try parseAsRoot(JSONTarget.complete(Array(CommandLine.arguments.dropFirst())))
            try command.run()
        } catch let error as LockstepError {
            Launch.complain(error)
            Foundation.exit(error.code.rawValue)
        } catch {
            let code = exitCode(for: error)
            if code == .success { exit(withError: error) }
            let isOwn = code == .validationFailure
            FileHandle.standardError.write(Data((fullMessage(for: error) + "\n").utf8))
            Foundation.exit(isOwn ? Diagnostics.ExitCode.usage.rawValue : code.rawValue)
        }
    }
}

/// Prints a line to standard output at once, also when it is a pipe.
func say(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
}

/// Prints a line to standard error.
func note(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
