/// Penalties on the size of the weights, added once in the update: the group `training.regularization`.
public struct RegularizationPart: Sendable, Equatable {
    /// The factor of the sum of absolute weights in the loss.
    public var l1: Double
    /// The factor of the sum of squared weights in the loss.
    public var l2: Double

    /// Creates the part.
    public init(l1: Double = 0, l2: Double = 0) {
        self.l1 = l1
        self.l2 = l2
    }
}

extension RegularizationPart {
    init(_ reader: RecipeReader) throws {
        l1 = try reader.number("l1", .atLeast(0), default: 0)
        l2 = try reader.number("l2", .atLeast(0), default: 0)
        try reader.finish()
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("l1", l1)
        keys.add("l2", l2)
    }
}
