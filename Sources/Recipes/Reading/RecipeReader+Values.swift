import Diagnostics

/// What a number of a recipe may be.
enum NumberBounds {
    case any
    case atLeast(Double)
    case above(Double)
    /// From the first to the second, both allowed.
    case within(Double, Double)
    /// From the first to below the second.
    case below(Double, Double)
    /// Above the first, at most the second.
    case aboveUpTo(Double, Double)

    func contains(_ number: Double) -> Bool {
        switch self {
        case .any: true
        case .atLeast(let low): number >= low
        case .above(let low): number > low
        case .within(let low, let high): number >= low && number <= high
        case .below(let low, let high): number >= low && number < high
        case .aboveUpTo(let low, let high): number > low && number <= high
        }
    }

    var inWords: String {
        switch self {
        case .any: "a number"
        case .atLeast(let low): "a number of at least \(low)"
        case .above(let low): "a number above \(low)"
        case .within(let low, let high): "a number from \(low) to \(high)"
        case .below(let low, let high): "a number from \(low) to below \(high)"
        case .aboveUpTo(let low, let high): "a number above \(low) and at most \(high)"
        }
    }
}

extension RecipeReader {
    /// A whole number, written in decimal digits.
    func integer(_ key: String, in range: ClosedRange<Int>, default standard: Int) throws -> Int {
        try optionalInteger(key, in: range) ?? standard
    }

    /// A whole number, or nil if nothing was written.
    func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        try value(key).map { try integer($0, key, in: range) }
    }

    /// A whole number that must be written.
    func requiredInteger(_ key: String, in range: ClosedRange<Int>) throws -> Int {
        try integer(try required(key), key, in: range)
    }

    /// A list of whole numbers; one number alone is a list of one.
    func integers(
        _ key: String, in range: ClosedRange<Int>, maximumCount: Int, default standard: [Int]
    ) throws -> [Int] {
        guard let items = try list(key, maximumCount: maximumCount) else { return standard }
        return try items.map { try integer($0, key, in: range) }
    }

    private func integer(_ node: RecipeNode, _ key: String, in range: ClosedRange<Int>) throws -> Int {
        let limits =
            range.upperBound == .max
            ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
        let wanted = "a whole number \(limits)"
        guard case .scalar(let text, isPlain: true) = node.content, WholeNumber.isCanonical(text),
            let number = Int(text), range.contains(number)
        else { throw wrongType(key, wanted, node) }
        return number
    }

    /// An unsigned whole number of 64 bits.
    func seed(_ key: String) throws -> UInt64 {
        guard let node = value(key) else { return 0 }
        guard case .scalar(let text, isPlain: true) = node.content, WholeNumber.isCanonical(text),
            let number = UInt64(text)
        else { throw wrongType(key, "a whole number from 0 to \(UInt64.max)", node) }
        return number
    }

    /// A finite decimal number.
    func number(_ key: String, _ bounds: NumberBounds, default standard: Double) throws -> Double {
        try optionalNumber(key, bounds) ?? standard
    }

    /// A finite decimal number, or nil if nothing was written.
    func optionalNumber(_ key: String, _ bounds: NumberBounds) throws -> Double? {
        try value(key).map { try number($0, key, bounds) }
    }

    /// A list of finite decimal numbers, or nil if nothing was written; one number alone is a list of one.
    func numbers(_ key: String, _ bounds: NumberBounds, maximumCount: Int) throws -> [Double]? {
        try list(key, maximumCount: maximumCount)?.map { try number($0, key, bounds) }
    }

    private func number(_ node: RecipeNode, _ key: String, _ bounds: NumberBounds) throws -> Double {
        guard case .scalar(let text, isPlain: true) = node.content,
            text.utf8.allSatisfy({ "0123456789.eE+-".utf8.contains($0) }),
            let number = Double(text), number.isFinite, bounds.contains(number)
        else { throw wrongType(key, bounds.inWords, node) }
        return number
    }

    /// `true` or `false`.
    func flag(_ key: String, default standard: Bool) throws -> Bool {
        guard let node = value(key) else { return standard }
        switch node.content {
        case .scalar("true", isPlain: true): return true
        case .scalar("false", isPlain: true): return false
        default: throw wrongType(key, "true or false", node)
        }
    }

    /// A text, or nil if nothing was written.
    func optionalText(_ key: String) throws -> String? {
        try value(key).map { try text($0, key) }
    }

    /// A list of texts, or nil if nothing was written; one text alone is a list of one.
    func texts(_ key: String, maximumCount: Int = 100_000) throws -> [String]? {
        try list(key, maximumCount: maximumCount)?.map { try text($0, key) }
    }

    /// One of the names of `Choice`.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, default standard: Choice
    ) throws -> Choice {
        guard let node = value(key) else { return standard }
        let names = Choice.allCases.map(\.rawValue)
        let written = try text(node, key)
        guard let choice = Choice(rawValue: written) else {
            throw LockstepError(
                .usage,
                "\(fullName(key)) must be one of \(names.joined(separator: ", ")), "
                    + "not \'\(written.prefix(80))\'",
                at: node.place.location,
                remedy: Suggestions.remedy(for: String(written.prefix(80)), among: names))
        }
        return choice
    }

    /// The text of a single value.
    func text(_ node: RecipeNode, _ key: String) throws -> String {
        guard case .scalar(let text, _) = node.content else { throw wrongType(key, "a single value", node) }
        return text
    }

    /// The items of a list, or nil if nothing was written; a single value is a list of one.
    func list(_ key: String, maximumCount: Int) throws -> [RecipeNode]? {
        guard let node = value(key) else { return nil }
        switch node.content {
        case .list(let items):
            guard items.count <= maximumCount else {
                throw failure(key, "has \(items.count) items, more than \(maximumCount)")
            }
            return items
        case .scalar: return [node]
        case .null, .mapping: throw wrongType(key, "a list", node)
        }
    }
}

/// How whole numbers are written in recipes.
enum WholeNumber {
    /// An optional minus and digits without leading zeros: `010` would be 8 to one YAML reader and 10 to
    /// another.
    static func isCanonical(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
        return digits.count == 1 || digits.first != "0"
    }
}
