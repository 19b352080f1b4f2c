import DataPipeline
import Diagnostics
import Metrics
import Reports
import Scenarios

/// What the model said of each sample, where a sample has one answer.
extension RunEvaluation {
    /// All samples as one part, in the order of the dataset; its loss is left out.
    /// - Parameter order: the sample at each position of the parts; nil where positions are samples.
    /// - Returns: nil for parts of texts, whose scores are not kept.
    static func answers(_ parts: [EvaluationPart], order: [Int]?) -> EvaluationPart? {
        let sorted = parts.sorted { $0.batch < $1.batch }
        var (scores, labels, targets): ([Float], [Int32], [Float]) = ([], [], [])
        for part in sorted {
            scores += part.scores
            switch part.truth {
            case .labels(let values): labels += values
            case .targets(let values): targets += values
            case .tokens: return nil
            }
        }
        if let order, !order.isEmpty {
            let places = order.indices.sorted { order[$0] < order[$1] }
            let width = scores.count / order.count
            scores = places.flatMap { scores[($0 * width)..<(($0 + 1) * width)] }
            if !labels.isEmpty { labels = places.map { labels[$0] } }
            if !targets.isEmpty { targets = places.map { targets[$0] } }
        }
        return targets.isEmpty
            ? EvaluationPart(batch: 0, lossSum: 0, scores: scores, labels: labels)
            : EvaluationPart(batch: 0, lossSum: 0, scores: scores, targets: targets)
    }

    /// The samples of which the model was surest, and wrong.
    /// - Throws: 2 where samples have several answers.
    func wrongSamples(
        _ count: Int, _ answers: EvaluationPart?, _ dataset: any Dataset
    ) throws -> [RunReport.WrongSample] {
        guard let answers else {
            throw LockstepError(
                .usage, "--errors shows wrong samples, but a sample of this task has several answers",
                remedy: "leave --errors out")
        }
        return try mistakes(count, answers).map { mistake in
            RunReport.WrongSample(
                mistake: mistake, place: dataset.describe(sample: mistake.sample),
                text: try dataset.text(sample: mistake.sample))
        }
    }

    private func mistakes(_ count: Int, _ answers: EvaluationPart) throws -> [Mistake] {
        let scenario = model.scenario
        switch scenario.task {
        case .tokens: return []
        case .regression:
            var metrics = RegressionMetrics()
            try metrics.accumulate(answers)
            return metrics.largestErrors(count)
        case .classification, .binaryClassification:
            var metrics =
                scenario.task == .binaryClassification
                ? ClassificationMetrics.binary() : try ClassificationMetrics(classCount: scenario.classCount)
            try metrics.accumulate(answers)
            return metrics.mostConfidentMistakes(count)
        }
    }

    /// What the model said of each sample, for comparisons of runs.
    func predictions(_ answers: EvaluationPart, _ dataset: any Dataset) throws -> SamplePredictions {
        try SamplePredictions(
            task: model.scenario.task, classCount: model.scenario.classCount, scores: answers.scores,
            truth: answers.truth, identities: try (0..<dataset.count).map { try dataset.identity(sample: $0) }
        )
    }
}
