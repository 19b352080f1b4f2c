/// A trained classifier whose probabilities of the classes are learned beside the labels: the group `training.teacher`.
public struct TeacherPart: Sendable, Equatable {
    /// The absolute path of a run or a checkpoint.
    public var path: String
    /// The teacher's share of the loss; the rest is the label's.
    public var weight: Double
    /// What the logits of both are divided by in the teacher's share: above 1 its unlikely classes count for more.
    public var temperature: Double

    /// Creates the part.
    public init(path: String, weight: Double = 0.5, temperature: Double = 1) {
        (self.path, self.weight, self.temperature) = (path, weight, temperature)
    }
}

extension TeacherPart {
    /// Reads the group.
    init(_ reader: RecipeReader) throws {
        path = try reader.path(try reader.required("run"), "run")
        weight = try reader.number("weight", .aboveUpTo(0, 1), default: 0.5)
        temperature = try reader.number("temperature", .above(0), default: 1)
        try reader.finish()
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("run", path)
        keys.add("weight", weight)
        keys.add("temperature", temperature)
    }
}
