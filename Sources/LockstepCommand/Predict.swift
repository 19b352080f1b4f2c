import ArgumentParser
import Diagnostics
import Foundation
import Inference

/// `lockstep predict`.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Predict a file that looks like the training data, without labels; a picture or a folder of them; texts."
    )

    @Argument(help: "A run's folder, or a checkpoint's.") var path: String
    @Option(
        help: "Of a run with model.adapters: where the run or file that they were trained on lies now.",
        completion: .directory)
    var base: String?
    @Option(help: "The file to predict; for pictures also a folder.") var input: String?
    @Option(help: "A text to predict; may be given several times.") var text: [String] = []
    @Option(help: "A file of texts to predict, one a line.") var lines: String?
    @Option(help: "Where to write the predictions as CSV; default: standard output.") var output: String?

    func run() throws {
        guard [input != nil, !text.isEmpty, lines != nil].filter({ $0 }).count == 1 else {
            throw LockstepError(
                .usage, "predict needs one of --input, --text and --lines",
                remedy: "give --input FILE, or --text 'one text', or --lines FILE for a text a line")
        }
        let model = try TrainedModel(path, base: base)
        model.warnings.forEach { note("warning: " + $0) }
        var written = Data()
        func write(_ fields: [String]) {
            written.append(Data((fields.map(Self.quoted).joined(separator: ",") + "\n").utf8))
            if output == nil, written.count > 1 << 16 {
                FileHandle.standardOutput.write(written)
                written.removeAll(keepingCapacity: true)
            }
        }
        let predictor = Predictor(model)
        var count = text.count
        if let input {
            count = try predictor.predict(file: input, warn: { note("warning: " + $0) }, write: write)
        } else if let lines {
            count = try predictor.predict(lines: lines, write: write)
        } else {
            try predictor.predict(texts: text, write: write)
        }
        guard let output else { return FileHandle.standardOutput.write(written) }
        do {
            try written.write(to: URL(fileURLWithPath: output), options: .atomic)
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
