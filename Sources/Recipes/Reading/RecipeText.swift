import Diagnostics
import Foundation
import Yams

/// Turns YAML text into ``RecipeNode``s.
enum RecipeText {
    /// The deepest nesting that is kept; the deepest key of a recipe is at level 4.
    static let maximumDepth = 32

    /// Reads a recipe's file, at most ``RecipeGuards/maximumByteCount`` bytes of it.
    /// - Throws: `LockstepError` with code `usage` for a file that is missing, too large or not UTF-8.
    static func contents(ofFile path: String) throws -> String {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw LockstepError(
                .usage, "the recipe '\(path)' cannot be opened", at: FileLocation(path),
                remedy: "give the path of a recipe, for instance launch/recipes/breast-cancer.yaml")
        }
        defer { try? handle.close() }
        var bytes = Data()
        do {
            while bytes.count <= RecipeGuards.maximumByteCount,
                let more = try handle.read(upToCount: RecipeGuards.maximumByteCount + 1 - bytes.count),
                !more.isEmpty
            { bytes.append(more) }
        } catch {
            throw LockstepError(
                .usage, "the recipe '\(path)' cannot be read", at: FileLocation(path),
                remedy: "give the path of a readable file", cause: error)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw LockstepError(
                .usage, "the recipe is not valid UTF-8 text", at: FileLocation(path),
                remedy: "save it in the encoding UTF-8; is this the right file?")
        }
        return text
    }

    /// Parses a whole recipe.
    static func parse(_ text: String, file: String) throws -> RecipeNode {
        try RecipeGuards.check(text) { FileLocation(file, line: $0) }
        return try tree(text, origin: .file(FileLocation(file, line: 1)))
    }

    /// Parses the value of `--set key=value`; `override` is that whole text, for error messages.
    static func parseValue(_ text: String, override: String) throws -> RecipeNode {
        let place = RecipePlace.override(override)
        try RecipeGuards.check(text) { _ in place.location }
        return try tree(text, origin: place)
    }

    private static func tree(_ text: String, origin: RecipePlace) throws -> RecipeNode {
        do {
            guard let node = try Yams.compose(yaml: text, .basic, .default, .utf8) else {
                return RecipeNode(content: .null, place: origin)
            }
            return try convert(node, origin: origin, depth: 0)
        } catch let error as YamlError {
            throw translate(error, origin: origin)
        }
    }

    private static func convert(_ node: Node, origin: RecipePlace, depth: Int) throws -> RecipeNode {
        let place = placed(node.mark, origin: origin)
        guard depth < maximumDepth else {
            throw LockstepError(
                .usage, "the recipe is nested more than \(maximumDepth) levels deep", at: place.location,
                remedy: "recipes need at most 4 levels; see the recipes in launch/recipes")
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            if isPlain, ["", "~", "null"].contains(scalar.string) {
                return RecipeNode(content: .null, place: place)
            }
            return RecipeNode(content: .scalar(scalar.string, isPlain: isPlain), place: place)
        case .sequence(let sequence):
            let items = try sequence.map { try convert($0, origin: origin, depth: depth + 1) }
            return RecipeNode(content: .list(items), place: place)
        case .mapping(let mapping):
            let entries = try mapping.map { key, value in
                try entry(key, value, origin: origin, depth: depth)
            }
            return RecipeNode(content: .mapping(entries), place: place)
        case .alias:
            throw LockstepError(.usage, "aliases are not allowed in a recipe", at: place.location)
        }
    }

    private static func entry(
        _ key: Node, _ value: Node, origin: RecipePlace, depth: Int
    ) throws -> RecipeNode.Entry {
        let place = placed(key.mark, origin: origin)
        guard case .scalar(let name) = key else {
            throw LockstepError(
                .usage, "a key must be a word", at: place.location, remedy: "write 'key: value'")
        }
        return RecipeNode.Entry(
            key: name.string, keyPlace: place, value: try convert(value, origin: origin, depth: depth + 1))
    }

    /// Marks inside `--set` values are of no use to a reader; those in files are lines and columns.
    private static func placed(_ mark: Mark?, origin: RecipePlace) -> RecipePlace {
        guard case .file(let file) = origin, let mark else { return origin }
        return .file(FileLocation(file.file, line: mark.line, column: mark.column))
    }

    private static func translate(_ error: YamlError, origin: RecipePlace) -> LockstepError {
        let remedy =
            switch origin {
            case .file: "write 'key: value' lines, indented by spaces; quote texts that hold : # * & ! or %"
            case .override: "quote a value that holds special characters: --set 'key=\"value\"'"
            }
        func failure(_ problem: String, _ mark: Mark?) -> LockstepError {
            LockstepError(.usage, problem, at: placed(mark, origin: origin).location, remedy: remedy)
        }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
            return failure("not valid YAML: \(problem)", mark)
        case .composer(_, let problem, let mark, _):
            return failure("not valid YAML: \(problem)", mark)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "'\($0.prefix(80))'" }.joined(separator: ", ")
            var duplicate = failure("written more than once: \(names)", context.mark)
            duplicate.remedy = "keep one of them"
            return duplicate
        case .reader(let problem, _, _, _):
            return failure("not valid YAML: \(problem)", nil)
        default:
            return failure("not valid YAML", nil)
        }
    }
}
