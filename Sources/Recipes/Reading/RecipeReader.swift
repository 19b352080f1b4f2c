import Diagnostics

/// Reads the keys of one group of a recipe, remembers which it was asked for, and words every error.
///
/// A part asks for each of its keys, then calls ``finish()``, which refuses the keys nobody asked for.
/// Ask first, use later: the set of keys asked for is the set of keys that exist.
final class RecipeReader {
    /// The path of the group, for instance `training.optimizer`; empty at the top.
    let path: String
    let place: RecipePlace
    let surroundings: RecipeSurroundings
    private let entries: [RecipeNode.Entry]
    private var asked: [String] = []

    init(path: String, place: RecipePlace, entries: [RecipeNode.Entry], surroundings: RecipeSurroundings) {
        self.path = path
        self.place = place
        self.entries = entries
        self.surroundings = surroundings
    }

    /// A reader of the whole recipe.
    static func root(_ node: RecipeNode, surroundings: RecipeSurroundings) throws -> RecipeReader {
        switch node.content {
        case .mapping(let entries):
            return RecipeReader(path: "", place: node.place, entries: entries, surroundings: surroundings)
        case .null, .scalar, .list:
            throw LockstepError(
                .usage, "a recipe is a group of keys, not \(node.kindInWords)", at: node.place.location,
                remedy: "see the recipes in launch/recipes")
        }
    }

    /// `key` with the path of its group.
    func fullName(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    /// What was written for `key`, or nil if nothing was.
    func value(_ key: String) -> RecipeNode? {
        if !asked.contains(key) { asked.append(key) }
        guard let node = entries.first(where: { $0.key == key })?.value else { return nil }
        if case .null = node.content { return nil }
        return node
    }

    /// Whether something was written for `key`.
    func has(_ key: String) -> Bool { value(key) != nil }

    /// The value of a key that has no default.
    func required(_ key: String) throws -> RecipeNode {
        if let node = value(key) { return node }
        let unasked = entries.filter { !asked.contains($0.key) }
        if let near = Suggestions.nearest(to: key, among: unasked.map(\.key)),
            let entry = unasked.first(where: { $0.key == near })
        {
            throw unknown(entry, allowed: [key])
        }
        throw LockstepError(
            .usage, "the key '\(fullName(key))' is missing", at: place.location,
            remedy: "add it to the recipe, or give --set \(fullName(key))=…")
    }

    /// A reader of the group `key`; empty if nothing was written, so that its defaults hold.
    func part(_ key: String) throws -> RecipeReader {
        try optionalPart(key)
            ?? RecipeReader(path: fullName(key), place: place, entries: [], surroundings: surroundings)
    }

    /// A reader of the group `key`, or nil if nothing was written.
    func optionalPart(_ key: String) throws -> RecipeReader? {
        guard let node = value(key) else { return nil }
        guard case .mapping(let entries) = node.content else { throw wrongType(key, "a group of keys", node) }
        return RecipeReader(
            path: fullName(key), place: node.place, entries: entries, surroundings: surroundings)
    }

    /// Refuses every key that was not asked for; `context` says what the keys depend on,
    /// for instance `optimizer kind 'sgd'`.
    func finish(for context: String? = nil) throws {
        guard let entry = entries.first(where: { !asked.contains($0.key) }) else { return }
        throw unknown(entry, allowed: asked, context: context)
    }

    /// An error about the value of `key`.
    func failure(_ key: String, _ message: String, remedy: String? = nil) -> LockstepError {
        let entry = entries.first { $0.key == key }
        return LockstepError(
            .usage, "\(fullName(key)) \(message)", at: (entry?.value.place ?? place).location, remedy: remedy)
    }

    /// The error for a value of the wrong type.
    func wrongType(_ key: String, _ wanted: String, _ node: RecipeNode) -> LockstepError {
        LockstepError(
            .usage, "\(fullName(key)) must be \(wanted), not \(node.kindInWords)", at: node.place.location,
            remedy: "write \(wanted) there")
    }

    private func unknown(
        _ entry: RecipeNode.Entry, allowed: [String], context: String? = nil
    ) -> LockstepError {
        let shown = String(entry.key.prefix(80))
        let near = Suggestions.nearest(to: shown, among: allowed)
        let list = "allowed here: " + allowed.sorted().joined(separator: ", ")
        return LockstepError(
            .usage, "unknown key '\(fullName(shown))'" + (context.map { " for \($0)" } ?? ""),
            at: entry.keyPlace.location, remedy: near.map { "did you mean '\($0)'? (\(list))" } ?? list)
    }
}
