import Diagnostics
import Foundation

/// Everything that says how a model is trained, read once from a YAML file and checked before anything
/// starts.
///
/// ```swift
/// let recipe = try Recipe(contentsOf: "launch/recipes/iris.yaml", overrides: ["training.epochs=5"])
/// ```
public struct Recipe: Sendable, Equatable {
    /// What is predicted.
    public enum TaskKind: String, Sendable, CaseIterable {
        /// One of several classes: softmax cross-entropy.
        case classification
        /// One of two classes, through one output: sigmoid cross-entropy.
        case binaryClassification
        /// A number: mean squared error.
        case regression
        /// Tokens of a text that are hidden: softmax cross-entropy each.
        case maskedLanguage
        /// The next token of a text: softmax cross-entropy a token.
        case languageModel
        /// The same text in another language: softmax cross-entropy a token of it.
        case translation

        /// Whether a sample has an answer for each of its tokens instead of one for itself.
        public var isOfTokens: Bool {
            [.maskedLanguage, .languageModel, .translation].contains(self)
        }
    }

    /// What a label is.
    public enum LabelKind: Sendable, Equatable {
        /// The name of a class, turned into its number.
        case classIndex
        /// The name of one of two classes, turned into 0 or 1.
        case binary
        /// A number.
        case number
    }

    /// The name of the run's folder and reports.
    public var name: String
    /// The seed of initial weights, order and dropout.
    public var seed: UInt64
    /// What is predicted.
    public var task: TaskKind
    /// Where the samples come from.
    public var data: DataPart
    /// The network.
    public var model: ModelPart
    /// The trained numbers that the network begins with, if any.
    public var start: StartPart?
    /// How long and by which rule it learns.
    public var training: TrainingPart
    /// When it is evaluated, saved and stopped.
    public var coordinator: CoordinatorPart
    /// A number to compare the run with, if any.
    public var baseline: BaselinePart?
    /// The text the recipe was read from, without overrides; empty for one built in code.
    public var source: String

    /// Creates a recipe in code; ``check()`` tells whether it makes sense.
    public init(
        name: String, seed: UInt64 = 0, task: TaskKind, data: DataPart,
        model: ModelPart = .dense(DensePart()), start: StartPart? = nil, training: TrainingPart,
        coordinator: CoordinatorPart = CoordinatorPart(), baseline: BaselinePart? = nil, source: String = ""
    ) {
        self.name = name
        self.seed = seed
        self.task = task
        self.data = data
        self.model = model
        self.start = start
        self.training = training
        self.coordinator = coordinator
        self.baseline = baseline
        self.source = source
    }

    /// What a label is, as the task demands.
    public var labelKind: LabelKind {
        switch task {
        case .classification, .maskedLanguage, .languageModel, .translation: .classIndex
        case .binaryClassification: .binary
        case .regression: .number
        }
    }

    /// Every key of the recipe, defaults and overrides included, with its value as a canonical text.
    ///
    /// Equal recipes have equal keys, and ``init(effectiveKeys:)`` reads them back.
    public var effectiveKeys: [String: String] {
        var keys = FlatKeys()
        keys.add("name", name)
        keys.add("seed", canonical: String(seed))
        keys.add("task", task.rawValue)
        keys.inside("data") { data.flatten(into: &$0) }
        keys.inside("model") {
            model.flatten(into: &$0)
            start?.flatten(into: &$0)
        }
        keys.inside("training") { training.flatten(into: &$0) }
        keys.inside("coordinator") { coordinator.flatten(into: &$0) }
        if let baseline { keys.inside("baseline") { baseline.flatten(into: &$0) } }
        return keys.pairs
    }

    /// The sorted lines `key: value` of all keys that a resumed run may not change: the text to hash when two
    /// recipes are compared.
    public var hashInput: String {
        effectiveKeys.filter { !RecipeDifference.mayChange($0.key, $0.value) }
            .map { "\($0.key): \($0.value)\n" }.sorted().joined()
    }

    /// Checks a recipe that was built in code by reading its own keys back.
    /// - Throws: `LockstepError` with code `usage` that names the key and what is allowed.
    public func check() throws {
        _ = try Recipe(effectiveKeys: effectiveKeys)
    }
}
