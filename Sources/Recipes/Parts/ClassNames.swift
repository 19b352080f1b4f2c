import Diagnostics
import Foundation

/// The names of the classes, in the order of their numbers.
public enum ClassNames: Sendable, Equatable {
    /// Written out in the recipe.
    case names([String])
    /// One a line in the file at this absolute path.
    case file(String)

    /// The names themselves, read from the file where they are in one.
    /// - Throws: `LockstepError` with code `badData` for a file that is missing, empty, not UTF-8 or
    ///   over 1 MiB.
    public func resolved() throws -> [String] {
        guard case .file(let path) = self else {
            if case .names(let names) = self { return names }
            return []
        }
        let location = FileLocation(path)
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw LockstepError(
                .badData, "the file of class names cannot be opened", at: location,
                remedy: "correct data.classNames: a list of names, or the path of a file with one name a line"
            )
        }
        defer { try? handle.close() }
        guard let bytes = try? handle.read(upToCount: (1 << 20) + 1), bytes.count <= 1 << 20,
            let text = String(validating: bytes, as: UTF8.self)
        else {
            throw LockstepError(
                .badData, "the file of class names is not UTF-8 text of at most 1 MiB", at: location,
                remedy: "write one class name a line")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        let names = lines.filter { !$0.isEmpty }
        if let problem = Self.problem(with: names) {
            throw LockstepError(
                .badData, "the file of class names \(problem)", at: location,
                remedy: "write one class name a line")
        }
        return names
    }

    /// What is wrong with a list of names, if anything.
    static func problem(with names: [String]) -> String? {
        if names.count < 2 { return "needs at least two names" }
        return Set(names).count == names.count ? nil : "holds a name twice"
    }
}

extension ClassNames {
    /// Nil where nothing was written: the classes are then the sorted labels of the data.
    init?(_ reader: RecipeReader, key: String) throws {
        guard let node = reader.value(key) else { return nil }
        if case .list = node.content {
            let names = try reader.texts(key) ?? []
            if let problem = Self.problem(with: names) { throw reader.failure(key, problem) }
            self = .names(names)
        } else {
            self = .file(try reader.path(node, key))
        }
    }
}

extension ClassNames? {
    func flatten(into keys: inout FlatKeys) {
        switch self {
        case nil: keys.add("classNames", nil as Int?)
        case .names(let names): keys.add("classNames", names)
        case .file(let path): keys.add("classNames", path)
        }
    }
}
