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
        if let name = outcome.baselineName { line.set("baseline", name) }
        for (name, value) in outcome.baselineMetrics { line.set(Self.ofBaseline(name), value) }
        return line.text
    }

    /// `baselineAccuracy` for `accuracy`.
    static func ofBaseline(_ metric: String) -> String {
        "baseline" + metric.prefix(1).uppercased() + metric.dropFirst()
    }
}

/// What `train --folds` prints.
enum FoldReport {
    static func line(_ fold: CrossValidation.Fold) {
        let metrics = fold.outcome.metrics
        let shown = ["accuracy", "auc", "mse", "perplexity", "bleu", "loss"].compactMap { name in
            metrics[name].map { "\(name) \(String(format: "%.4f", $0))" }
        }
        let baseline = fold.outcome.baselineMetrics
        let beside = ["accuracy", "mse"].compactMap { name in
            baseline[name].map {
                "; \(fold.outcome.baselineName ?? ""): \(name) \(String(format: "%.4f", $0))"
            }
        }
        say(
            "fold \(fold.number): " + shown.joined(separator: ", ") + " (step \(fold.outcome.step))"
                + beside.joined())
    }

    static func summary(_ validation: CrossValidation, json: Bool) {
        var line = JSONLine()
        line.set("folds", validation.folds.count)
        add("", validation, \.metrics, to: &line, json: json)
        if let baseline = validation.folds.first?.outcome.baselineName {
            line.set("baseline", baseline)
            if !json { say(baseline + ":") }
            add("baseline", validation, \.baselineMetrics, to: &line, json: json)
        }
        if json { say(line.text) }
    }

    /// Means and deviations of the metrics of the runs, or of the classical models beside them.
    private static func add(
        _ prefix: String, _ validation: CrossValidation, _ metrics: (TrainOutcome) -> [String: Double],
        to line: inout JSONLine, json: Bool
    ) {
        for name in ["accuracy", "macroF1", "auc", "mse", "r2", "loss", "perplexity", "bleu"] {
            guard let (mean, deviation) = validation.summary(of: name, in: metrics) else { continue }
            let key = prefix.isEmpty ? name : ResultLine.ofBaseline(name)
            line.set(key + "Mean", mean)
            line.set(key + "Deviation", deviation)
            guard !json else { continue }
            say(String(format: "mean %@ %.4f, standard deviation %.4f", name as NSString, mean, deviation))
        }
    }
}
