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
            ("coefficient of determination", r2),
        ]
        var rows = [("samples", String(count))]
        rows += headline.compactMap { name, value in value.map { (name, Self.text($0, decimals: 6)) } }
        let nameWidth = rows.map(\.0.count).max() ?? 0
        var text = ""
        for (name, value) in rows {
            text += name + String(repeating: " ", count: nameWidth - name.count + 2) + value + "\n"
        }
        if classScores != nil { text += "\n" + classificationReport(classNames: classNames) }
        if let confusion { text += "\n" + confusion.text(classNames: classNames) }
        return text
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
