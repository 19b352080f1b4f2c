import Diagnostics
import Foundation

extension Recipe {
    /// Reads a recipe's file.
    ///
    /// - Parameters:
    ///   - path: The YAML file; relative paths in it count from its folder.
    ///   - overrides: Texts `key=value` that win over the file; relative paths in them count from the current
    ///     folder.
    ///   - environment: The variables that paths may use.
    /// - Throws: `LockstepError` with code `usage`, the place `FILE:LINE:COLUMN` (or `--set key=value`), the
    ///   key, what is allowed there, and the nearest right name for an unknown key.
    public init(
        contentsOf path: String, overrides: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        let text = try RecipeText.contents(ofFile: path)
        try self.init(text: text, file: path, overrides: overrides, environment: environment)
    }

    /// Reads a recipe from its text; `file` is the path that errors name and relative paths count from.
    /// Other ranks use it with the text that rank 0 sends them.
    /// - Throws: As ``init(contentsOf:overrides:environment:)``.
    public init(
        text: String, file: String, overrides: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        currentFolder: String = FileManager.default.currentDirectoryPath
    ) throws {
        let tree = try RecipeOverrides.apply(overrides, to: try RecipeText.parse(text, file: file))
        let absoluteFile =
            URL(fileURLWithPath: file, relativeTo: URL(fileURLWithPath: currentFolder, isDirectory: true))
            .standardized
        let surroundings = RecipeSurroundings(
            recipeFolder: absoluteFile.deletingLastPathComponent().path, currentFolder: currentFolder,
            environment: environment)
        let standardName = absoluteFile.deletingPathExtension().lastPathComponent
        let reader = try RecipeReader.root(tree, surroundings: surroundings)
        try self.init(reader, standardName: standardName, source: text)
    }

    /// Reads a recipe back from ``effectiveKeys``, for instance those kept in a run's folder.
    /// Paths are taken as they are.
    /// - Throws: `LockstepError` with code `usage` that names the key.
    public init(effectiveKeys: [String: String]) throws {
        let place = RecipePlace.file(FileLocation("recipe"))
        let empty = RecipeNode(content: .mapping([]), place: place)
        let overrides = effectiveKeys.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let tree = try RecipeOverrides.apply(overrides, to: empty)
        let surroundings = RecipeSurroundings(recipeFolder: "/", currentFolder: "/", environment: nil)
        let reader = try RecipeReader.root(tree, surroundings: surroundings)
        try self.init(reader, standardName: "recipe", source: "")
    }

    private init(_ reader: RecipeReader, standardName: String, source: String) throws {
        name = try Self.readName(reader, standard: standardName)
        seed = try reader.seed("seed")
        _ = try reader.required("task")
        task = try reader.choice("task", default: .classification)
        _ = try reader.required("data")
        data = try DataPart(try reader.part("data"))
        let network = try reader.part("model")
        start = try StartPart(network)
        model = try ModelPart(network)
        try Self.checkPooling(network, task)
        _ = try reader.required("training")
        training = try TrainingPart(try reader.part("training"))
        coordinator = try CoordinatorPart(try reader.part("coordinator"), data: data)
        baseline = try reader.optionalPart("baseline").map { try BaselinePart($0) }
        self.source = source
        try reader.finish()
        try checkTogether(reader)
    }

    private static func readName(_ reader: RecipeReader, standard: String) throws -> String {
        let name = try reader.optionalText("name") ?? standard
        let isGood =
            name.utf8.count <= 100 && name.first?.isLetter == true
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "_.-".utf8.contains(byte)
            }
        guard isGood else {
            throw reader.failure(
                "name",
                "must be letters, digits and . _ - (a letter first, at most 100), not '\(name.prefix(80))'",
                remedy: "add a line like name: my-run")
        }
        return name
    }

    /// A model that guesses tokens pools none. Keys read back from a checkpoint have all of the model's.
    private static func checkPooling(_ network: RecipeReader, _ task: TaskKind) throws {
        guard task == .maskedLanguage, network.has("pooling"), network.surroundings.environment != nil else {
            return
        }
        throw network.failure(
            "pooling", "is of no effect in maskedLanguage, which answers for every token",
            remedy: "drop it; the recipe that is fine-tuned from the run with model.from may have it")
    }

    /// What two parts must agree on.
    private func checkTogether(_ reader: RecipeReader) throws {
        try checkKind(reader)
        if task == .regression {
            if data.classNames != nil {
                throw reader.failure("data", "has classNames, but regression has no classes")
            }
            if data.split.stratify {
                throw reader.failure("data", "has split.stratify, but regression has no classes")
            }
        }
        if case .names(let names) = data.classNames, task == .binaryClassification, names.count != 2 {
            throw reader.failure(
                "data", "has \(names.count) classNames, but binaryClassification has two classes")
        }
        if training.labelSmoothing > 0, task == .binaryClassification || task == .regression {
            throw reader.failure(
                "training", "has labelSmoothing, which \(task.rawValue) does not know",
                remedy: "use task: classification, or drop it")
        }
        if task == .maskedLanguage, let tokenizer = data.content.tokenizer, tokenizer.tokenDropout > 0 {
            throw reader.failure(
                "data", "has tokenDropout, but maskedLanguage hides tokens by itself", remedy: "drop it")
        }
        if data.content.lengthBuckets != nil, model.kind.seesPadding {
            throw reader.failure(
                "data",
                "has lengthBuckets, but what model kind '\(model.kind.rawValue)' says of a text depends on "
                    + "what fills it up", remedy: "drop it, or use another kind")
        }
        if training.teacher != nil, task != .classification {
            throw reader.failure(
                "training", "has a teacher, which \(task.rawValue) does not know",
                remedy: "use task: classification, or drop it")
        }
        try checkMetric(reader)
    }

    /// A kind of model reads some formats and does some tasks.
    private func checkKind(_ reader: RecipeReader) throws {
        let kind = model.kind
        let fitting = ModelPart.Kind.allCases.filter {
            $0.formats.contains(data.format) && $0.tasks.contains(task)
        }
        let tasks = Recipe.TaskKind.allCases.filter { task in
            ModelPart.Kind.allCases.contains {
                $0.formats.contains(data.format) && $0.tasks.contains(task)
            }
        }
        let remedy =
            fitting.isEmpty
            ? "data of format '\(data.format.rawValue)' is for task: "
                + tasks.map(\.rawValue).joined(separator: ", ")
            : "for data of format '\(data.format.rawValue)' and task '\(task.rawValue)' use model.kind: "
                + fitting.map(\.rawValue).joined(separator: ", ")
        guard kind.formats.contains(data.format) else {
            throw reader.failure(
                "model", "of kind '\(kind.rawValue)' does not fit data of format '\(data.format.rawValue)'",
                remedy: remedy)
        }
        guard kind.tasks.contains(task) else {
            throw reader.failure(
                "model", "of kind '\(kind.rawValue)' does not fit task '\(task.rawValue)'", remedy: remedy)
        }
        if data.format == .lines || data.format == .images, task == .regression {
            throw reader.failure(
                "task", "is regression, but \(data.format.rawValue) have classes, not numbers")
        }
    }

    private func checkMetric(_ reader: RecipeReader) throws {
        guard let metric = coordinator.earlyStopping?.metric else { return }
        let allowed: [EarlyStoppingPart.Metric]
        switch task {
        case .classification: allowed = [.loss, .accuracy, .macroF1]
        case .binaryClassification: allowed = EarlyStoppingPart.Metric.allCases
        case .regression: allowed = [.loss]
        case .maskedLanguage, .languageModel, .translation: allowed = [.loss, .accuracy]
        }
        guard allowed.contains(metric) else {
            throw reader.failure(
                "coordinator", "cannot stop early by '\(metric.rawValue)' in \(task.rawValue)",
                remedy: "use one of: " + allowed.map(\.rawValue).joined(separator: ", "))
        }
    }
}
