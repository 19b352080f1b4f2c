/// Which fields count as missing, and what is done about them.
public struct MissingValues: Codable, Sendable, Equatable {
    /// What replaces a missing value.
    public enum Policy: String, Codable, Sendable, CaseIterable {
        /// A missing value is an error.
        case refuse
        /// Its row is left out, of training and of every other split.
        case drop
        /// The mean of the column's known values in the training split; the most frequent one for categories.
        case mean
        /// Their median, the mean of the two middle ones for an even count; the most frequent one for
        /// categories.
        case median
        /// The most frequent one; of several the smallest, for categories the first in byte order.
        case mostFrequent
    }

    /// What replaces a missing value.
    public var policy: Policy
    /// The texts that mean "missing", compared without regard to ASCII case or spaces around them.
    public var tokens: Set<String> {
        didSet { (lowercased, holdsNumber) = Self.prepare(tokens) }
    }

    private var lowercased: Set<String>
    private var holdsNumber: Bool

    /// The texts that mean "missing" unless the user says otherwise.
    public static let defaultTokens: Set<String> = ["", "NA", "NaN", "?", "null"]

    /// Creates a rule; by default a missing value is an error.
    public init(policy: Policy = .refuse, tokens: Set<String> = defaultTokens) {
        self.policy = policy
        self.tokens = tokens
        (lowercased, holdsNumber) = Self.prepare(tokens)
    }

    private enum CodingKeys: CodingKey { case policy, tokens }

    /// Reads the policy and the tokens.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            policy: try values.decode(Policy.self, forKey: .policy),
            tokens: Set(try values.decode([String].self, forKey: .tokens)))
    }

    /// Writes the policy and the tokens, in a fixed order.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(policy, forKey: .policy)
        try values.encode(tokens.sorted(), forKey: .tokens)
    }

    /// Whether the field means "missing".
    func matches(_ field: CSVField) -> Bool {
        let bytes = field.trimmed
        if let first = bytes.first, !holdsNumber, Self.beginsNumber(first) { return false }
        guard bytes.count <= 64 else { return false }
        return lowercased.contains(field.text.lowercased())
    }

    private static func beginsNumber(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "+")
    }

    private static func prepare(_ tokens: Set<String>) -> (Set<String>, Bool) {
        let holdsNumber = tokens.contains { $0.utf8.first.map(beginsNumber) ?? false }
        return (Set(tokens.map { $0.lowercased() }), holdsNumber)
    }
}
