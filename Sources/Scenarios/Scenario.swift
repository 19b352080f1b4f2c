import DataParallel
import DataPipeline
import Diagnostics
import Graphs
import Metrics
import NeuralNetworks
import Recipes

/// A recipe made concrete: the model, what it reads, its loss and its optimizer. The same on every rank.
public struct Scenario: @unchecked Sendable {
    /// The recipe.
    public let recipe: Recipe
    /// What was fitted to the training rows.
    public let fitted: FittedData
    /// The model; layers are only read after this.
    public let model: any Layer
    /// The loss.
    public let loss: Loss
    /// What is measured.
    public let task: Metrics.Task
    /// The names of the parameters that adapters leave as they are: see ``StartingWeights``.
    public var base: Set<String> = []

    /// Builds the recipe's model, or takes another one.
    /// - Parameter model: a model written in Swift instead of the recipe's `model`.
    /// - Throws: `LockstepError` when the model does not fit the data.
    public init(_ recipe: Recipe, fitted: FittedData, model: (any Layer)? = nil) throws {
        self.recipe = recipe
        self.fitted = fitted
        (task, loss) =
            switch recipe.task {
            case .classification: (.classification, .softmaxCrossEntropy)
            case .binaryClassification: (.binaryClassification, .sigmoidCrossEntropy)
            case .regression: (.regression, .meanSquaredError)
            case .maskedLanguage, .languageModel, .translation: (.tokens, .softmaxCrossEntropy)
            }
        self.model =
            try model
            ?? recipe.model.network(
                fitted.format, outputs: Self.outputs(recipe, fitted), task: recipe.task)
        if let adapters = recipe.start?.adapters { try Self.adapt(self.model, adapters) }
        // A model that does not fit shows here, before any rank waits for another.
        _ = try trace(sampleCount: 1)
    }

    private static func adapt(_ model: any Layer, _ part: AdaptersPart) throws {
        do {
            let options = LowRankOptions(rank: part.rank, alpha: part.alpha, dropout: part.dropout)
            try model.addAdapters(options, to: part.on)
        } catch var error as LockstepError {
            error.message = "model.adapters.on: " + error.message
            throw error
        }
    }

    /// Outputs that the task needs: one a class, or one.
    private static func outputs(_ recipe: Recipe, _ fitted: FittedData) -> Int {
        recipe.task == .classification ? fitted.format.classCount ?? 1 : 1
    }

    /// What the model reads: that of the data, and of hidden tokens their places; see ``MaskedTokens``.
    private var inputs: [ModelTrace.Field] {
        fitted.inputs + (hiddenCount.map { [ModelTrace.Field("places", [$0], .int32)] } ?? [])
    }

    /// What the loss compares with: that of the data, or the hidden tokens.
    private var labelField: ModelTrace.Field {
        hiddenCount.map { ModelTrace.Field("targets", [$0], .int32) } ?? fitted.labelField
    }

    /// How many tokens of a text are hidden at most; `nil` where none are.
    private var hiddenCount: Int? {
        guard recipe.task == .maskedLanguage, let tokens = fitted.format.tokens else { return nil }
        return MaskedTokens.placeCount(length: tokens.length)
    }

    /// What training compares with: with a teacher, the label and a probability of each class; see ``TaughtSamples``.
    private var trainingLabel: (field: ModelTrace.Field, loss: Loss) {
        recipe.training.teacher == nil
            ? (labelField, loss) : (ModelTrace.Field("targets", [2, classCount]), .distillation)
    }

    /// Classes of a classification; 1 otherwise.
    public var classCount: Int { fitted.format.classCount ?? 1 }

    /// What products compute in where the processor has it.
    public var precision: Graphs.Precision { recipe.training.precision == .bfloat16 ? .bfloat16 : .float32 }

    /// The training trace for a number of samples.
    /// - Parameter length: elements of the sequences of tokens, where they are cut.
    public func trace(sampleCount: Int, length: Int? = nil) throws -> ModelTrace {
        try ModelTrace(
            model, sampleCount: sampleCount, inputs: inputs.map { cut($0, length) },
            label: cut(trainingLabel.field, length), loss: trainingLabel.loss,
            lossOptions: lossOptions(isTraining: true), isTraining: true, recompute: recompute,
            synchronizesBatchNorm: recipe.training.synchronizedBatchNorm)
    }

    private var recompute: Graphs.Recompute {
        switch recipe.training.recompute {
        case .nothing: .nothing
        case .everyBlock: .everyBlock
        }
    }

    /// The trace of an evaluation, with the loss; or of a prediction, without labels.
    /// - Parameter length: elements of the sequences of tokens, where they are cut.
    public func inferenceTrace(
        sampleCount: Int, length: Int? = nil, withLabel: Bool
    ) throws -> ModelTrace {
        try ModelTrace(
            model, sampleCount: sampleCount, inputs: inputs.map { cut($0, length) },
            label: withLabel ? cut(labelField, length) : nil, loss: withLabel ? loss : nil,
            lossOptions: lossOptions(isTraining: false), isTraining: false)
    }

    /// A field as it is where sequences are cut: those that are as long as the tokens.
    private func cut(_ field: ModelTrace.Field, _ length: Int?) -> ModelTrace.Field {
        guard let length, let full = fitted.format.tokens?.length, field.sampleShape == Shape([full]) else {
            return field
        }
        return ModelTrace.Field(field.name, [length], field.element)
    }

    /// Smoothed labels are for training alone: evaluations of all recipes compare.
    private func lossOptions(isTraining: Bool) -> LossOptions {
        var options = LossOptions(
            ignoredLabel: recipe.task == .maskedLanguage
                ? Int(MaskedTokens.ignoredTarget) : fitted.format.ignoredLabel,
            labelSmoothing: isTraining ? recipe.training.labelSmoothing : 0)
        if isTraining, let teacher = recipe.training.teacher {
            (options.teacherWeight, options.temperature) = (teacher.weight, teacher.temperature)
        }
        return options
    }

    /// How gradients become steps.
    /// - Parameter totalSteps: the planned steps, along which a cosine falls.
    public func updateOptions(totalSteps: Int) -> UpdateOptions {
        let training = recipe.training
        var options = UpdateOptions(training.optimizer.optimizer)
        options.schedule = training.schedule.schedule(totalSteps: totalSteps, rate: training.optimizer.rate)
        options.clipNorm = training.clipNorm
        options.l1 = training.regularization.l1
        options.l2 = training.regularization.l2
        options.rules =
            training.undecayed.map { ParameterRule($0, weightDecay: 0) }
            + training.frozen.map { ParameterRule($0, isFrozen: true) }
            + base.sorted().map { ParameterRule($0, isFrozen: true) }
        options.maxNonFiniteSteps = training.maxNonFiniteSteps
        return options
    }

    /// Refuses patterns of frozen or undecayed parameters that fit none.
    public func checkFrozen() throws {
        let names = try trace(sampleCount: 1).graph.parameters.map(\.name)
        for (key, patterns) in [
            ("frozen", recipe.training.frozen), ("undecayed", recipe.training.undecayed),
        ] {
            for pattern in patterns where !names.contains(where: ParameterRule(pattern).matches) {
                throw LockstepError(
                    .usage, "training.\(key): no parameter is named '\(pattern)'",
                    remedy: Suggestions.remedy(for: pattern, among: names))
            }
        }
    }
}
