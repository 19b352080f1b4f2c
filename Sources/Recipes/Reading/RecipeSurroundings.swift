import Diagnostics
import Foundation

/// What a recipe's paths depend on: the folders relative paths count from, and the environment's variables.
struct RecipeSurroundings: Sendable {
    /// The folder of the recipe's file.
    var recipeFolder: String
    /// The folder that paths in `--set` count from.
    var currentFolder: String
    /// The variables, or nil where paths are taken as they are.
    var environment: [String: String]?

    /// The absolute path for what was written as `text` at `place`, with `$NAME` and `${NAME}` replaced
    /// (`$$` is a dollar sign, `$PWD` the current folder) and without `.` and `..`.
    /// - Throws: `LockstepError` with code `usage` for a variable that is not set.
    func resolve(_ text: String, key: String, place: RecipePlace) throws -> String {
        let expanded = try expand(text, key: key, place: place)
        guard !expanded.isEmpty else {
            throw LockstepError(.usage, "\(key) must be a path, not empty", at: place.location)
        }
        if expanded.hasPrefix("/") { return URL(fileURLWithPath: expanded).standardized.path }
        let base =
            switch place {
            case .file: recipeFolder
            case .override: currentFolder
            }
        let folder = URL(fileURLWithPath: base, isDirectory: true)
        return folder.appendingPathComponent(expanded).standardized.path
    }

    private func expand(_ text: String, key: String, place: RecipePlace) throws -> String {
        guard let environment else { return text }
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            if rest.first == "$" {
                result += "$"
                rest = rest.dropFirst()
                continue
            }
            let name = try variableName(&rest, key: key, place: place)
            guard let value = name == "PWD" ? currentFolder : environment[name], !value.isEmpty else {
                throw LockstepError(
                    .usage, "\(key) uses $\(name), which is not set", at: place.location,
                    remedy: "export \(name)=FOLDER before the command, or give --set \(key)=PATH")
            }
            result += value
        }
        return result + rest
    }

    private func variableName(_ rest: inout Substring, key: String, place: RecipePlace) throws -> String {
        func isNamePart(_ character: Character) -> Bool {
            character == "_" || character.isASCII && (character.isLetter || character.isNumber)
        }
        if rest.first == "{", let end = rest.firstIndex(of: "}") {
            let name = rest[..<end].dropFirst()
            if !name.isEmpty, name.allSatisfy(isNamePart) {
                rest = rest[rest.index(after: end)...]
                return String(name)
            }
        } else {
            let name = rest.prefix(while: isNamePart)
            if !name.isEmpty {
                rest = rest.dropFirst(name.count)
                return String(name)
            }
        }
        throw LockstepError(
            .usage, "\(key) has a '$' without a variable's name", at: place.location,
            remedy: "write $NAME or ${NAME}, or $$ for a dollar sign")
    }
}

extension RecipeReader {
    /// A path made absolute, or nil if nothing was written.
    func optionalPath(_ key: String) throws -> String? {
        try value(key).map { try path($0, key) }
    }

    /// A list of paths made absolute, or nil if nothing was written.
    func paths(_ key: String) throws -> [String]? {
        try list(key, maximumCount: 100_000)?.map { try path($0, key) }
    }

    /// The absolute path that `node` names.
    func path(_ node: RecipeNode, _ key: String) throws -> String {
        try surroundings.resolve(try text(node, key), key: fullName(key), place: node.place)
    }
}
