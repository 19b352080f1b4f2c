import ArgumentParser
import Diagnostics
import Training

/// `lockstep evaluate`.
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Evaluate a run, or one checkpoint, on a split of its data: report, confusion matrix, areas under curves.",
        discussion: """
            lockstep evaluate RUN --errors 10              the report, and the ten most confident errors
            lockstep evaluate RUN --json evaluation.json   the report; curves and calibration into a file
            mpirun -n 4 lockstep evaluate RUN              the same numbers, computed by four ranks
            """)

    @Argument(help: "A run's folder, or a checkpoint's.", completion: .directory) var path: String
    @Option(
        help: "Of a run with model.adapters: where the run or file that they were trained on lies now.",
        completion: .directory)
    var base: String?
    @Option(help: "train, validation or test; default: test where the recipe has one.") var split: String?
    @Option(help: "Show so many of the wrong samples of which the model was surest.") var errors = 0
    @Option(help: JSONTarget.help) var json: String?

    func validate() throws {
        if !(0...1_000_000).contains(errors) {
            throw ValidationError("--errors must be from 0 to 1000000, is \(errors)")
        }
    }

    func run() throws {
        Launch.run(stopsBySignal: false) { communicator in
            let isFirst = communicator.rank == 0
            let evaluation = try RunEvaluation(path, base: base) {
                if isFirst { note("warning: " + $0) }
            }
            let outcome = try evaluation.evaluate(
                split: split, errorCount: errors, communicator: communicator)
            guard let report = outcome?.report else { return }
            try JSONTarget.write(try report.json(), to: json)
            if json != JSONTarget.standardOutput { say(report.text) }
        }
    }
}
