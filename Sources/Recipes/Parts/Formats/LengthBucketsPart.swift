/// Batches of samples of like length: the key `data.lengthBuckets` of formats whose samples are texts.
public enum LengthBucketsPart: Sendable, Equatable {
    /// Limits are chosen by the lengths of the samples.
    case automatic
    /// The largest length of each bucket, in tokens, rising; the last one is `data.maximumLength`.
    case limits([Int])

    /// The most buckets that a recipe may name: each costs a plan of its own.
    public static let maximumCount = 32
}

extension LengthBucketsPart {
    /// `auto`, a list of limits, or nil where nothing was written. A list that ends below `maximumLength` gets it as its
    /// last limit: no text is cut shorter than without buckets.
    static func read(_ reader: RecipeReader, maximumLength: Int) throws -> LengthBucketsPart? {
        let key = "lengthBuckets"
        guard let node = reader.value(key) else { return nil }
        if case .scalar("auto", _) = node.content { return .automatic }
        if case .scalar(let text, _) = node.content, !WholeNumber.isCanonical(text) {
            throw reader.wrongType(key, "auto, or a list of rising lengths", node)
        }
        let limits = try reader.integers(
            key, in: 1...maximumLength, maximumCount: maximumCount, default: [])
        guard let last = limits.last, zip(limits, limits.dropFirst()).allSatisfy({ $0 < $1 }) else {
            throw reader.failure(
                key, limits.isEmpty ? "names no length" : "must rise, but is \(limits)",
                remedy: "write auto, or lengths like [16, 24, \(maximumLength)]")
        }
        return .limits(last < maximumLength ? limits + [maximumLength] : limits)
    }

    static func flatten(_ part: LengthBucketsPart?, into keys: inout FlatKeys) {
        switch part {
        case .automatic?: keys.add("lengthBuckets", "auto")
        case .limits(let limits)?: keys.add("lengthBuckets", limits)
        case nil: keys.add("lengthBuckets", nil as Int?)
        }
    }
}
