import ArgumentParser
import Diagnostics
import Training

extension RunComparison.Reference: ExpressibleByArgument {}

/// `lockstep compare`.
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Set runs side by side that were tested on the same samples: intervals and p-values.",
        discussion: """
            lockstep compare runs/one runs/two --metric macroF1

            Samples are drawn anew with replacement, the same for all runs. The interval is where 95 % of the \
            metrics over drawn samples lie; p is how probable a difference as large as the one from the run marked * \
            is between equally good models: (1 + #{|d_b - mean d| >= |d|}) / (B + 1) over B draws (Riezler and Maxwell \
            2005). It knows of the samples alone, not of other seeds.
            """)

    @Argument(help: "Folders of runs, or of checkpoints.", completion: .directory) var runs: [String]
    @Option(
        help:
            "accuracy, macroF1, auc or loss of a classification; mse, rmse, mae, r2 or loss of a regression.")
    var metric: String?
    @Option(help: "Another split than the one that the runs were tested on.") var split: String?
    @Option(help: "best or first: the run that the others are compared with.")
    var against = RunComparison.Reference.best
    @Option(help: "How often samples are drawn anew.") var resamples = 10_000
    @Option(help: "Chooses the samples that are drawn.") var seed: UInt64 = 0
    @Option(help: JSONTarget.help) var json: String?

    func validate() throws {
        if runs.isEmpty { throw ValidationError("name at least one run") }
        if !(100...10_000_000).contains(resamples) {
            throw ValidationError("--resamples must be from 100 to 10000000, is \(resamples)")
        }
    }

    func run() throws {
        let comparison = try RunComparison(
            runs, metricName: metric, split: split, against: against, resampleCount: resamples, seed: seed
        ) { note("warning: " + $0) }
        try JSONTarget.write(try comparison.json(), to: json)
        if json != JSONTarget.standardOutput { say(comparison.text) }
    }
}
