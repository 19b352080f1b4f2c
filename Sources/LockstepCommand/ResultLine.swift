import Foundation
import Reports
import Training

/// A result as one line of JSON, for scripts.
enum ResultLine {
    static func json(_ outcome: TrainOutcome) -> String {
        var line = JSONLine()
        line.set("end", outcome.end.rawValue)
        line.set("step", outcome.step)
        line.set("folder", outcome.folder)
        if let hash = outcome.finalHash { line.set("hash", hash) }
        for (name, value) in outcome.metrics { line.set(name, value) }
        return line.text
    }
}

/// What `train --folds` prints.
enum FoldReport {
    static func line(_ fold: CrossValidation.Fold) {
        let metrics = fold.outcome.metrics
        let shown = ["accuracy", "auc", "mse", "loss"].compactMap { name in
            metrics[name].map { "\(name) \(String(format: "%.4f", $0))" }
        }
        say("fold \(fold.number): " + shown.joined(separator: ", ") + " (step \(fold.outcome.step))")
    }

    static func summary(_ validation: CrossValidation, json: Bool) {
        var line = JSONLine()
        line.set("folds", validation.folds.count)
        for name in ["accuracy", "macroF1", "auc", "mse", "r2", "loss"] {
            guard let (mean, deviation) = validation.summary(of: name) else { continue }
            line.set(name + "Mean", mean)
            line.set(name + "Deviation", deviation)
            if !json {
                say(
                    String(format: "mean %@ %.4f, standard deviation %.4f", name as NSString, mean, deviation)
                )
            }
        }
        if json { say(line.text) }
    }
}
