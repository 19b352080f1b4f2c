/// Trained numbers that a model begins with instead of random ones: the keys `from`, `fromExclude` and `adapters` of the
/// group `model`.
public struct StartPart: Sendable, Equatable {
    /// The absolute path of a safetensors file, or the folder of a run or a checkpoint.
    public var path: String
    /// Patterns of names that begin at random all the same; `*` stands for any characters.
    public var exclude: [String]
    /// What learns instead of those numbers, if they stay.
    public var adapters: AdaptersPart?

    /// Creates the part.
    public init(path: String, exclude: [String] = [], adapters: AdaptersPart? = nil) {
        (self.path, self.exclude, self.adapters) = (path, exclude, adapters)
    }
}

extension StartPart {
    /// Nil where nothing was written.
    init?(_ reader: RecipeReader) throws {
        let exclude = try reader.texts("fromExclude") ?? []
        let adapters = try reader.optionalPart("adapters").map { try AdaptersPart($0) }
        guard let path = try reader.optionalPath("from") else {
            for (key, isWritten) in [("fromExclude", !exclude.isEmpty), ("adapters", adapters != nil)]
            where isWritten {
                throw reader.failure(
                    key, "needs model.from",
                    remedy: "drop it, or name a run or a file of trained numbers with model.from")
            }
            return nil
        }
        if exclude.contains("") { throw reader.failure("fromExclude", "holds an empty name") }
        (self.path, self.exclude, self.adapters) = (path, exclude, adapters)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("from", path)
        keys.add("fromExclude", exclude)
        if let adapters { keys.inside("adapters") { adapters.flatten(into: &$0) } }
    }
}
