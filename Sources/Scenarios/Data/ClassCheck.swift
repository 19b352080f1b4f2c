import Diagnostics
import Recipes

/// Whether the classes that the data has fit the recipe.
struct ClassCheck {
    private let values: [String]
    private let place: FileLocation

    /// - Parameters:
    ///   - values: the data's classes by number.
    ///   - place: where they come from.
    init(_ values: [String], place: FileLocation) {
        (self.values, self.place) = (values, place)
    }

    /// Two classes for a binary task, and names that do not swap classes.
    /// - Throws: `LockstepError` naming the classes.
    func check(_ task: Recipe.TaskKind, names: [String]?) throws {
        if task == .binaryClassification, values.count != 2 {
            throw LockstepError(
                .badData,
                "a binary task has two classes, the label column has \(values.count): "
                    + values.prefix(10).joined(separator: ", "), at: place,
                remedy: "use task: classification, or check data.label")
        }
        if let names { try check(names) }
    }

    /// Names may be other texts than the labels, but not some of them, and not the labels in another order: either
    /// would call a class by another's name.
    private func check(_ names: [String]) throws {
        guard names != values else { return }
        let shared = Set(names).intersection(values)
        let numbered = "list them as: " + values.joined(separator: ", ")
        if shared.count == values.count {
            throw LockstepError(
                .usage, "data.classNames lists the classes in another order than they are numbered in",
                at: place, remedy: numbered)
        }
        if !shared.isEmpty {
            let missing = values.filter { !shared.contains($0) }.joined(separator: ", ")
            throw LockstepError(
                .badData, "data.classNames has some of the labels but not: \(missing)", at: place,
                remedy: numbered + "; or give every class a new name")
        }
    }
}
