/// A column of a table, by name or by position.
public enum ColumnReference: Sendable, Equatable, Hashable {
    /// The column with this name in the header.
    case name(String)
    /// The column at this position, counted from 0.
    case index(Int)

    /// The column as a recipe writes it: positions bare, names that look like numbers in quotes.
    var canonical: String {
        switch self {
        case .name(let name): FlatKeys.quoted(name)
        case .index(let index): String(index)
        }
    }
}

extension RecipeReader {
    /// The column that `node` names: a bare whole number is a position, anything else a name.
    func column(_ node: RecipeNode, _ key: String) throws -> ColumnReference {
        if case .scalar(let text, isPlain: true) = node.content, WholeNumber.isCanonical(text) {
            guard let index = Int(text), (0...1_000_000).contains(index) else {
                throw wrongType(key, "a column's name, or its position from 0 to 1000000", node)
            }
            return .index(index)
        }
        let name = try text(node, key)
        guard !name.isEmpty else { throw wrongType(key, "a column's name, or its position from 0", node) }
        return .name(name)
    }

    /// A list of columns, or nil if nothing was written.
    func columns(_ key: String) throws -> [ColumnReference]? {
        guard let columns = try list(key, maximumCount: 100_000)?.map({ try column($0, key) }) else {
            return nil
        }
        guard Set(columns).count == columns.count else { throw failure(key, "names a column twice") }
        return columns
    }
}
