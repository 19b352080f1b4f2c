import DataPipeline
import Diagnostics
import Metrics

/// What a linear model reaches on the same samples as a run: bag of words for text, histograms of gradients for
/// pictures, the features themselves for tables; logistic regression for classes, ridge regression for numbers.
public struct ClassicalBaseline: Sendable {
    /// Values of features beyond this number are not read: training then takes the samples before.
    public static let valueLimit = 50_000_000

    /// What it is, for instance `bag of words + logistic regression`.
    public let name: String
    /// The number of features.
    public let featureCount: Int
    /// The number of samples that it was trained on.
    public let trainingCount: Int
    /// What it said of each tested sample.
    public let predictions: SamplePredictions
    /// Its metrics.
    public let result: EvaluationResult

    /// Trains and tests.
    /// - Parameters:
    ///   - training: the training split, not varied.
    ///   - test: what the run is tested on.
    /// - Throws: 2 where samples have another form than one label or number each; what reading samples throws.
    public init(
        training: any Dataset, test: any Dataset, task: Metrics.Task, classCount: Int
    ) throws {
        guard let label = training.fields.last, label.sampleShape.isEmpty, training.fields.count >= 2 else {
            throw LockstepError(
                .usage, "a classical baseline needs one class or number a sample",
                remedy: "leave --baseline out for this task")
        }
        let features = try Features(training)
        var (matrix, name) = try features.matrix(training)
        trainingCount = matrix.rowCount
        var tested = try features.matrix(test, limit: .max).matrix
        if features.isScaled {
            let standardization = matrix.standardization()
            matrix = standardization.apply(matrix)
            tested = standardization.apply(tested)
        }
        let targets = try Self.targets(training, count: matrix.rowCount, task: task, classCount: classCount)
        let model = LinearModel(matrix, targets)
        let truth = try Self.truth(test)
        let scores = model.scores(tested)
        name += task == .regression ? " + ridge regression" : " + logistic regression"
        self.name = name
        featureCount = matrix.featureCount
        predictions = try SamplePredictions(
            task: task, classCount: classCount, scores: scores, truth: truth,
            identities: try (0..<test.count).map { try test.identity(sample: $0) })
        result = try predictions.result()
    }

    private static func targets(
        _ dataset: any Dataset, count: Int, task: Metrics.Task, classCount: Int
    ) throws -> LinearModel.Targets {
        switch try truth(dataset, count: count) {
        case .labels(let labels):
            return task == .binaryClassification ? .binary(labels) : .classes(labels, count: classCount)
        case .targets(let numbers): return .numbers(numbers)
        case .tokens:
            throw LockstepError(.internalError, "a classical baseline learns no texts")
        }
    }

    /// The last field of the first samples.
    private static func truth(_ dataset: any Dataset, count: Int? = nil) throws -> EvaluationPart.Truth {
        let field = dataset.fields.count - 1
        var (labels, numbers): ([Int32], [Float]) = ([], [])
        var word: UInt32 = 0
        for sample in 0..<(count ?? dataset.count) {
            try withUnsafeMutableBytes(of: &word) { bytes in
                guard let memory = bytes.baseAddress else { return }
                try dataset.write(sample: sample, field: field, to: memory)
            }
            switch dataset.fields[field].element {
            case .int32: labels.append(Int32(bitPattern: word))
            case .float32: numbers.append(Float(bitPattern: word))
            }
        }
        return dataset.fields[field].element == .int32 ? .labels(labels) : .targets(numbers)
    }
}

/// How samples become rows of features.
private enum Features {
    case words(BagOfWords)
    case gradients(GradientHistograms, elementCount: Int)
    case elements(count: Int)

    /// Chooses by what samples look like: tokens have words behind them, `[channels, height, width]` is a picture.
    init(_ dataset: any Dataset) throws {
        let input = dataset.fields[0]
        if input.element == .int32 {
            guard try dataset.count > 0 && dataset.text(sample: 0) != nil else {
                throw LockstepError(
                    .usage, "a classical baseline needs the text of samples, which this data does not tell",
                    remedy: "leave --baseline out for this data")
            }
            var failure: (any Error)?
            let texts = (0..<dataset.count).lazy.map { sample -> String in
                do { return try dataset.text(sample: sample) ?? "" } catch {
                    failure = failure ?? error
                    return ""
                }
            }
            self = .words(BagOfWords(texts))
            if let failure { throw failure }
        } else if input.sampleShape.count == 3,
            let histograms = GradientHistograms(
                channelCount: input.sampleShape[0], height: input.sampleShape[1], width: input.sampleShape[2])
        {
            self = .gradients(histograms, elementCount: input.sampleShape.reduce(1, *))
        } else {
            self = .elements(count: input.sampleShape.reduce(1, *))
        }
    }

    private var name: String {
        switch self {
        case .words: "bag of words"
        case .gradients: "histograms of gradients"
        case .elements: "features"
        }
    }

    /// Whether columns are brought to one scale: counts and histograms have one.
    var isScaled: Bool { if case .elements = self { true } else { false } }

    private var count: Int {
        switch self {
        case .words(let words): max(1, words.wordCount)
        case .gradients(let histograms, _): histograms.featureCount
        case .elements(let count): count
        }
    }

    /// The features of samples, of the first ones where all are too many.
    func matrix(
        _ dataset: any Dataset, limit: Int = ClassicalBaseline.valueLimit
    ) throws -> (matrix: FeatureMatrix, name: String) {
        var matrix = FeatureMatrix(featureCount: count)
        var elements: [Float] = []
        switch self {
        case .words: break
        case .gradients(_, let elementCount): elements = [Float](repeating: 0, count: elementCount)
        case .elements(let count): elements = [Float](repeating: 0, count: count)
        }
        for sample in 0..<dataset.count {
            if matrix.storedCount >= limit {
                return (matrix, name + " of the first \(sample) samples")
            }
            if case .words(let words) = self {
                matrix.append(words.counts(try dataset.text(sample: sample) ?? ""))
                continue
            }
            try elements.withUnsafeMutableBytes { bytes in
                guard let memory = bytes.baseAddress else { return }
                try dataset.write(sample: sample, field: 0, to: memory)
            }
            if case .gradients(let histograms, _) = self {
                matrix.append(elements.withUnsafeBufferPointer { histograms.features($0.baseAddress!) })
            } else {
                matrix.append(elements)
            }
        }
        return (matrix, name)
    }
}
