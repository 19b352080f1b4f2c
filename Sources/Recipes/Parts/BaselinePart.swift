/// A number of others on the same split, which reports set beside the run's: the group `baseline`.
public struct BaselinePart: Sendable, Equatable {
    /// What reached it, for instance `bag of words + logistic regression`.
    public var name: String
    /// Which metric it is.
    public var metric: EarlyStoppingPart.Metric
    /// The number.
    public var value: Double

    /// Creates the part.
    public init(name: String, metric: EarlyStoppingPart.Metric = .accuracy, value: Double) {
        self.name = name
        self.metric = metric
        self.value = value
    }
}

extension BaselinePart {
    init(_ reader: RecipeReader) throws {
        name = try reader.text(try reader.required("name"), "name")
        metric = try reader.choice("metric", default: .accuracy)
        _ = try reader.required("value")
        value = try reader.number("value", .any, default: 0)
        try reader.finish()
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("name", canonical: FlatKeys.quoted(name))
        keys.add("metric", metric.rawValue)
        keys.add("value", value)
    }
}
