import Diagnostics

/// Lays `--set key=value` over the tree of a recipe.
enum RecipeOverrides {
    /// The tree with every override in its place, in the order given; later ones win.
    /// - Throws: `LockstepError` with code `usage` for a malformed override.
    static func apply(_ overrides: [String], to root: RecipeNode) throws -> RecipeNode {
        var tree = root
        for override in overrides {
            guard let equals = override.firstIndex(of: "=") else {
                throw malformed(override, "has no '='")
            }
            let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(
                String.init)
            guard path.count <= RecipeText.maximumDepth, path.allSatisfy({ !$0.isEmpty }) else {
                throw malformed(override, "names no key")
            }
            let text = String(override[override.index(after: equals)...])
            let value = try RecipeText.parseValue(text, override: override)
            tree = try place(value, at: path[...], in: tree, override: override)
        }
        return tree
    }

    private static func malformed(_ override: String, _ problem: String) -> LockstepError {
        LockstepError(
            .usage, "'\(override.prefix(120))' \(problem)", at: FileLocation("--set"),
            remedy: "write --set key=value, for instance --set training.epochs=5")
    }

    private static func place(
        _ value: RecipeNode, at path: ArraySlice<String>, in node: RecipeNode, override: String
    ) throws -> RecipeNode {
        guard let key = path.first else { return value }
        var entries: [RecipeNode.Entry]
        switch node.content {
        case .mapping(let existing): entries = existing
        case .null: entries = []
        case .scalar, .list:
            throw LockstepError(
                .usage, "'\(key)' cannot be set inside \(node.kindInWords)",
                at: RecipePlace.override(override).location, remedy: "set the whole value instead")
        }
        let here = RecipePlace.override(override)
        if let index = entries.firstIndex(where: { $0.key == key }) {
            entries[index].value = try place(
                value, at: path.dropFirst(), in: entries[index].value, override: override)
            if path.count == 1 { entries[index].keyPlace = here }
        } else {
            let empty = RecipeNode(content: .null, place: here)
            let inner = try place(value, at: path.dropFirst(), in: empty, override: override)
            entries.append(RecipeNode.Entry(key: key, keyPlace: here, value: inner))
        }
        return RecipeNode(content: .mapping(entries), place: node.place)
    }
}
