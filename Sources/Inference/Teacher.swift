import DataPipeline
import Diagnostics
import Foundation
import Recipes
import Scenarios

/// A trained classifier that says of training samples how probable each class is: the run of a recipe's
/// `training.teacher`. Every rank opens it and asks it by itself, so it has to be readable on every host, as the data is.
public struct Teacher {
    private let model: TrainedModel
    private let part: TeacherPart

    /// Opens the run.
    /// - Throws: `LockstepError` (65) where there is none; (78) where it is no classifier.
    public init(_ part: TeacherPart) throws {
        do {
            model = try TrainedModel(part.path)
        } catch {
            var failure = LockstepError.wrapping(error)
            failure.message = "the teacher cannot be used: " + failure.message
            failure.location = failure.location ?? FileLocation(part.path)
            failure.remedy = "train it first, or say where it is: --set training.teacher.run=PATH"
            throw failure
        }
        self.part = part
        guard model.scenario.task == .classification else {
            throw LockstepError(
                .mismatch, "the teacher '\(model.scenario.recipe.name)' tells no classes apart",
                at: FileLocation(part.path), remedy: "use a run of task: classification")
        }
    }

    /// The SHA-256 of the trained numbers.
    public var digest: String { model.checkpoint.modelDigest }

    /// The samples of a recipe's training rows with the teacher's probabilities beside their labels. The teacher reads the
    /// same rows with its own tokenizer and scales, once, as they are without variation.
    /// - Parameters:
    ///   - samples: what the student learns from.
    ///   - rows: the row of each.
    ///   - data: where they come from.
    /// - Throws: `LockstepError` (78) where formats, classes or rows differ.
    public func teach(
        _ samples: any Dataset, rows: [Int], of data: RecipeData, format: DataPart.Format
    ) throws -> any Dataset {
        let (teacher, names) = (model.scenario, data.fitted.classNames)
        guard teacher.recipe.data.format == format else {
            throw mismatch(
                "reads data.format: \(teacher.recipe.data.format.rawValue), the recipe \(format.rawValue)",
                remedy: "use a teacher that reads the same files")
        }
        guard teacher.fitted.classNames == names else {
            throw mismatch(
                "knows the classes \(Self.list(teacher.fitted.classNames)), the data has \(Self.list(names))",
                remedy: "use a teacher of the same classes in the same order")
        }
        let own = try teacher.fitted.samples(data.source, rows: data.rows(.train), for: .evaluation)
        guard own.rows == rows else {
            throw mismatch(
                "leaves out other rows than the recipe: it reads \(own.rows.count), the recipe \(rows.count)",
                remedy: "write the keys data.missing and data.onBadSample as the teacher's recipe has them")
        }
        return try TaughtSamples(
            samples, probabilities: try probabilities(own.dataset), classCount: teacher.classCount)
    }

    /// The softmax of the logits over the temperature, [samples, classes].
    private func probabilities(_ dataset: any Dataset) throws -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(dataset.count * model.scenario.classCount)
        try model.forEachSample(of: dataset, batchSize: 64) { _, scores in
            let logits = scores.map { Double($0) / part.temperature }
            let greatest = logits.max() ?? 0
            let powers = logits.map { exp($0 - greatest) }
            let total = powers.reduce(0, +)
            result += powers.map { Float($0 / total) }
        }
        return result
    }

    private func mismatch(_ message: String, remedy: String) -> LockstepError {
        LockstepError(
            .mismatch, "the teacher '\(model.scenario.recipe.name)' " + message,
            at: FileLocation(part.path), remedy: remedy)
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " …" : "")
    }
}

extension RecipeData {
    /// What a recipe trains on: the samples of the training rows, beside their labels a teacher's word where there is one.
    /// - Throws: `LockstepError` for bad rows, or a teacher that does not fit.
    public func trainingDataset(_ recipe: Recipe, teacher: Teacher?) throws -> any Dataset {
        let purpose = SamplePurpose.training(seed: recipe.seed)
        let dataset = try dataset(.train, for: purpose)
        guard let teacher else { return dataset }
        return try teacher.teach(
            dataset, rows: try samples(.train, for: purpose).rows, of: self, format: recipe.data.format)
    }
}
