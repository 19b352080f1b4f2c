import ArgumentParser
import Diagnostics
import Foundation
import Inference

/// `lockstep predict`.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Predict a file that looks like the training data, without labels; or a picture, or a folder of them."
    )

    @Argument(help: "A run's folder, or a checkpoint's.") var path: String
    @Option(help: "The file to predict; for pictures also a folder.") var input: String
    @Option(help: "Where to write the predictions as CSV; default: standard output.") var output: String?

    func run() throws {
        let model = try TrainedModel(path)
        model.warnings.forEach { note("warning: " + $0) }
        var lines = Data()
        let count = try Predictor(model).predict(file: input, warn: { note("warning: " + $0) }) { fields in
            lines.append(Data((fields.map(Self.quoted).joined(separator: ",") + "\n").utf8))
            if output == nil, lines.count > 1 << 16 {
                FileHandle.standardOutput.write(lines)
                lines.removeAll(keepingCapacity: true)
            }
        }
        guard let output else { return FileHandle.standardOutput.write(lines) }
        do {
            try lines.write(to: URL(fileURLWithPath: output), options: .atomic)
        } catch {
            throw LockstepError(
                .inputOutput, "cannot write the predictions", at: FileLocation(output),
                remedy: "check the folder and the space left", cause: error)
        }
        note("\(count) rows predicted into \(output)")
    }

    /// RFC 4180: quoted where needed.
    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { ",\"\r\n".contains($0) }) else { return field }
        return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
