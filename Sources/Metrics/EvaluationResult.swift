import Diagnostics
import Foundation

/// The metrics of one finished evaluation. What a task does not measure, or is undefined, is `nil`.
public struct EvaluationResult: Codable, Sendable, Equatable {
    /// What was evaluated.
    public var task: Task
    /// The number of samples, each counted once; of tokens in a text.
    public var count: Int
    /// The mean loss a sample, or a token.
    public var loss: Double
    /// The share of samples, or tokens, predicted rightly.
    public var accuracy: Double?
    /// The plain mean of F1 over classes.
    public var macroF1: Double?
    /// The area under the receiver operating characteristic; the mean of one versus rest for several classes.
    public var auc: Double?
    /// The mean squared error.
    public var mse: Double?
    /// The square root of the mean squared error.
    public var rmse: Double?
    /// The mean absolute error.
    public var mae: Double?
    /// The coefficient of determination.
    public var r2: Double?
    /// Precision, recall and F1 by class.
    public var classScores: ClassScores?
    /// How often each class was taken for each class.
    public var confusion: ConfusionMatrix?
    /// How well a language model foresees the text; set by who evaluates one.
    public var perplexity: Double?
    /// BLEU of translations, from 0 to 100; set by who translates.
    public var bleu: Double?
    /// ROUGE of translations and summaries; set by who makes them.
    public var rouge: ROUGE.Scores?
    /// Curves, calibration and more; `nil` where nobody asked for them.
    public var details: EvaluationDetails?

    /// Computes a result from the parts of all ranks, in whatever order they came.
    ///
    /// - Parameters:
    ///   - classCount: the number of classes of a classification; other tasks ignore it.
    ///   - parts: batches 0, 1, … each once.
    ///   - batchCount: how many parts there must be; `nil` asks only that none is missing in between.
    ///   - isDetailed: whether ``details`` are measured too.
    /// - Throws: 65 for parts that do not fit the task or hold no sample and for too many classes, 78 for a missing or
    ///   repeated batch.
    public init(
        task: Task, classCount: Int, parts: [EvaluationPart], batchCount: Int? = nil, isDetailed: Bool = false
    ) throws {
        try EvaluationParts(parts).checkComplete(batchCount: batchCount)
        switch task {
        case .classification, .binaryClassification:
            var metrics =
                task == .classification
                ? try ClassificationMetrics(classCount: classCount) : ClassificationMetrics.binary()
            for part in parts { try metrics.accumulate(part) }
            try self.init(metrics)
            if isDetailed { details = EvaluationDetails(metrics) }
        case .regression:
            var metrics = RegressionMetrics()
            for part in parts { try metrics.accumulate(part) }
            try self.init(metrics)
            if isDetailed { details = EvaluationDetails(metrics) }
        case .tokens: try self.init(tokens: EvaluationParts(parts))
        }
    }

    /// The result of a classification.
    ///
    /// - Throws: 65 without samples.
    public init(_ metrics: ClassificationMetrics) throws {
        guard let loss = metrics.loss else { throw Self.noSamples }
        task = metrics.task
        count = metrics.count
        self.loss = loss
        accuracy = metrics.accuracy
        auc = metrics.areaUnderCurve
        let scores = metrics.classScores
        macroF1 = scores.macroAverage.f1
        classScores = scores
        confusion = metrics.confusion
    }

    /// The result of a regression.
    ///
    /// - Throws: 65 without samples.
    public init(_ metrics: RegressionMetrics) throws {
        guard let loss = metrics.loss else { throw Self.noSamples }
        task = .regression
        count = metrics.count
        self.loss = loss
        mse = metrics.meanSquaredError
        rmse = metrics.rootMeanSquaredError
        mae = metrics.meanAbsoluteError
        r2 = metrics.determination
    }

    /// The result of a text: loss, perplexity and the share of right tokens.
    private init(tokens parts: EvaluationParts) throws {
        var (count, right) = (0, 0)
        for part in parts.sorted {
            guard case .tokens(let tokens, let rightTokens) = part.truth else {
                throw LockstepError(.badData, "a part of an evaluation of texts holds no counts of tokens")
            }
            (count, right) = (count + tokens, right + rightTokens)
        }
        guard count > 0 else { throw Self.noSamples }
        (task, self.count) = (.tokens, count)
        loss = parts.lossSum / Double(count)
        perplexity = exp(loss)
        accuracy = Double(right) / Double(count)
    }

    private static let noSamples = LockstepError(
        .badData, "the evaluation has no samples", remedy: "give the split at least one sample")

    /// Every number by its name in metrics logs and recipes: `loss`, `accuracy`, `macroF1`, `auc`, `mse`, …
    public var values: [String: Double] {
        let all: [String: Double?] = [
            "loss": loss, "accuracy": accuracy, "auc": auc, "mse": mse, "rmse": rmse, "mae": mae, "r2": r2,
            "macroPrecision": classScores?.macroAverage.precision,
            "macroRecall": classScores?.macroAverage.recall, "macroF1": macroF1,
            "weightedPrecision": classScores?.weightedAverage.precision,
            "weightedRecall": classScores?.weightedAverage.recall,
            "weightedF1": classScores?.weightedAverage.f1, "perplexity": perplexity, "bleu": bleu,
            "rouge1": rouge?.one.f1, "rouge2": rouge?.two.f1, "rougeL": rouge?.longest.f1,
        ]
        return all.compactMapValues { $0 }
    }
}

extension EvaluationResult {
    /// The result as JSON with sorted keys; numbers that JSON lacks are the strings `nan`, `inf` and `-inf`.
    public func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return Array(try encoder.encode(self)) + [0x0a]
    }

    /// Reads what ``json()`` wrote.
    ///
    /// - Throws: 65 for anything else.
    public init(json bytes: [UInt8]) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            self = try decoder.decode(EvaluationResult.self, from: Data(bytes))
        } catch {
            throw LockstepError(.badData, "these bytes are not an evaluation result", cause: error)
        }
    }
}
