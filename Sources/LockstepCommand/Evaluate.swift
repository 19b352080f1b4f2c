import ArgumentParser
import Diagnostics
import Training

/// `lockstep evaluate`.
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Evaluate a run, or one checkpoint, on a split of its data: report, confusion matrix, ROC AUC.")

    @Argument(help: "A run's folder, or a checkpoint's.", completion: .directory) var path: String
    @Option(help: "train, validation or test; default: test where the recipe has one.") var split: String?
    @Flag(help: "Print the metrics as JSON.") var json = false

    func run() throws {
        let evaluation = try RunEvaluation(path) { note("warning: " + $0) }
        let report = try evaluation.report(split: split)
        if json {
            say(String(decoding: try report.result.json(), as: UTF8.self))
        } else {
            say(report.text)
        }
    }
}
