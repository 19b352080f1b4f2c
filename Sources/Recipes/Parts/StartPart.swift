/// Trained numbers that a model begins with instead of random ones: the keys `from` and `fromExclude` of the group
/// `model`.
public struct StartPart: Sendable, Equatable {
    /// The absolute path of a safetensors file, or the folder of a run or a checkpoint.
    public var path: String
    /// Patterns of names that begin at random all the same; `*` stands for any characters.
    public var exclude: [String]

    /// Creates the part.
    public init(path: String, exclude: [String] = []) { (self.path, self.exclude) = (path, exclude) }
}

extension StartPart {
    /// Nil where nothing was written.
    init?(_ reader: RecipeReader) throws {
        let exclude = try reader.texts("fromExclude") ?? []
        guard let path = try reader.optionalPath("from") else {
            guard exclude.isEmpty else {
                throw reader.failure("fromExclude", "needs model.from", remedy: "drop it, or name a file")
            }
            return nil
        }
        if exclude.contains("") { throw reader.failure("fromExclude", "holds an empty name") }
        (self.path, self.exclude) = (path, exclude)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("from", path)
        keys.add("fromExclude", exclude)
    }
}
