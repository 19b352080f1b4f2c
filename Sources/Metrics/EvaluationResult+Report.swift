import Foundation

extension EvaluationResult {
    /// The result as text for people: the headline numbers, and for a classification scikit-learn's report
    /// and the confusion matrix.
    ///
    /// - Parameter classNames: names by class number; a class without one is shown by its number.
    public func report(classNames: [String] = []) -> String {
        let headline: [(String, Double?)] = [
            ("loss", loss), ("accuracy", accuracy), ("area under curve", auc), ("mean squared error", mse),
            ("root mean squared error", rmse), ("mean absolute error", mae),
            ("coefficient of determination", r2), ("perplexity", perplexity), ("BLEU", bleu),
        ]
        var rows = [("samples", String(count))]
        rows += (headline + detailRows).compactMap { name, value in
            value.map { (name, Self.text($0, decimals: 6)) }
        }
        let nameWidth = rows.map(\.0.count).max() ?? 0
        var text = ""
        for (name, value) in rows {
            text += name + String(repeating: " ", count: nameWidth - name.count + 2) + value + "\n"
        }
        if let rouge { text += "\n" + Self.table(rouge) }
        if classScores != nil { text += "\n" + classificationReport(classNames: classNames) }
        if let confusion { text += "\n" + confusion.text(classNames: classNames) }
        if let curves = details?.curves, !curves.isEmpty { text += "\n" + areas(curves, classNames) }
        return text
    }

    /// The single numbers among the details.
    private var detailRows: [(String, Double?)] {
        guard let details else { return [] }
        let errors = details.errors
        return details.topAccuracy.dropFirst().map { ("top-\($0.k) accuracy", $0.accuracy) } + [
            ("expected calibration error", details.expectedCalibrationError),
            ("maximum calibration error", details.maximumCalibrationError),
            ("maximum error", errors?.maximum), ("median absolute error", errors?.median),
            ("mean absolute percentage error", errors?.meanAbsolutePercentage),
            ("explained variance", errors?.explainedVariance),
        ]
    }

    /// Precision, recall and F1 of each kind of ROUGE.
    private static func table(_ rouge: ROUGE.Scores) -> String {
        func row(_ name: String, _ cells: [String]) -> String {
            name.padded(to: "ROUGE-1".count) + " " + cells.map { " " + $0.padded(to: 9) }.joined() + "\n"
        }
        let kinds = [("ROUGE-1", rouge.one), ("ROUGE-2", rouge.two), ("ROUGE-L", rouge.longest)]
        return row("", ["precision", "recall", "f1-score"]) + "\n"
            + kinds.map { name, score in
                row(name, [score.precision, score.recall, score.f1].map { text($0, decimals: 4) })
            }.joined()
    }

    /// The areas under the curves of each class against all others.
    private func areas(_ curves: [EvaluationDetails.ClassCurves], _ classNames: [String]) -> String {
        let names = ClassNames(classNames, count: curves.count)
        let width = max(names.width, "one against all others".count)
        func row(_ name: String, _ cells: [String]) -> String {
            name.padded(to: width) + " " + cells.map { " " + $0.padded(to: 18) }.joined() + "\n"
        }
        func text(_ value: Double?) -> String { value.map { Self.text($0, decimals: 4) } ?? "undefined" }
        let rows = curves.enumerated().map { label, curve in
            row(names[label], [text(curve.auc), text(curve.averagePrecision)])
        }
        return row("one against all others", ["area under curve", "average precision"]) + "\n" + rows.joined()
    }

    /// Precision, recall, F1 and support by class, in the layout of scikit-learn's
    /// `classification_report(labels=range(classCount), digits=4, zero_division=0)`; empty for a regression.
    public func classificationReport(classNames: [String] = []) -> String {
        guard let classScores, let accuracy else { return "" }
        let names = ClassNames(classNames, count: classScores.perClass.count)
        let width = max(names.width, "weighted avg".count)
        func row(_ name: String, _ cells: [String]) -> String {
            name.padded(to: width) + " " + cells.map { " " + $0.padded(to: 9) }.joined() + "\n"
        }
        func row(_ name: String, _ score: ClassScore) -> String {
            let ratios = [score.precision, score.recall, score.f1]
            return row(name, ratios.map { Self.text($0, decimals: 4) } + [String(score.support)])
        }
        var text = row("", ["precision", "recall", "f1-score", "support"]) + "\n"
        for (label, score) in classScores.perClass.enumerated() { text += row(names[label], score) }
        text += "\n" + row("accuracy", ["", "", Self.text(accuracy, decimals: 4), String(count)])
        text += row("macro avg", classScores.macroAverage)
        text += row("weighted avg", classScores.weightedAverage)
        return text
    }

    private static func text(_ value: Double, decimals: Int) -> String {
        String(format: "%.\(decimals)f", value)
    }
}
