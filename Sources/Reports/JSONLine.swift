/// Builds one JSON object on one line, with sorted keys, without Foundation's encoder.
///
/// Doubles are written with as many digits as it takes to read the same bits back; what JSON cannot say (not
/// a number, infinities) becomes `null`.
public struct JSONLine: Sendable {
    private var members: [String: String] = [:]

    /// Creates an empty object.
    public init() {}

    /// Sets a text.
    public mutating func set(_ key: String, _ text: String) { members[key] = Self.quoted(text) }

    /// Sets a whole number.
    public mutating func set(_ key: String, _ number: Int) { members[key] = String(number) }

    /// Sets a number.
    public mutating func set(_ key: String, _ number: Double) {
        members[key] = number.isFinite ? number.description : "null"
    }

    /// Sets a list of numbers.
    public mutating func set(_ key: String, _ numbers: [Double]) {
        members[key] =
            "[" + numbers.map { $0.isFinite ? $0.description : "null" }.joined(separator: ",") + "]"
    }

    /// The object, without a line break.
    public var text: String {
        let pairs = members.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\($0.value)" }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
