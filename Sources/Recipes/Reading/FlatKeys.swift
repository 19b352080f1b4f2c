/// Collects the effective keys of a recipe as `key: text` pairs.
///
/// Each text is canonical (equal values have equal texts) and valid after `--set key=`, so a recipe can be
/// read back from its flattened keys.
struct FlatKeys {
    private(set) var pairs: [String: String] = [:]
    private var group = ""

    /// Adds the keys that `body` adds inside the group `name`.
    mutating func inside(_ name: String, _ body: (inout FlatKeys) -> Void) {
        let outer = group
        group += name + "."
        body(&self)
        group = outer
    }

    mutating func add(_ key: String, canonical text: String) { pairs[group + key] = text }

    mutating func add(_ key: String, _ text: String?) { add(key, canonical: text.map(Self.quoted) ?? "null") }
    mutating func add(_ key: String, _ number: Int?) {
        add(key, canonical: number.map(String.init) ?? "null")
    }
    mutating func add(_ key: String, _ number: Double?) {
        add(key, canonical: number.map { "\($0)" } ?? "null")
    }
    mutating func add(_ key: String, _ flag: Bool) { add(key, canonical: flag ? "true" : "false") }
    mutating func add(_ key: String, _ numbers: [Int]) { add(key, list: numbers.map(String.init)) }
    mutating func add(_ key: String, _ texts: [String]?) {
        guard let texts else { return add(key, canonical: "null") }
        add(key, list: texts.map(Self.quoted))
    }
    mutating func add(_ key: String, list items: [String]) {
        add(key, canonical: "[" + items.joined(separator: ", ") + "]")
    }

    /// A text as a YAML scalar: bare where that cannot be mistaken for anything else, else in double quotes.
    static func quoted(_ text: String) -> String {
        let isBare =
            text.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "_./+-".utf8.contains(byte)
            } && text.utf8.first.map { !"+-.".utf8.contains($0) } == true
        if isBare, Double(text) == nil, !["null", "true", "false"].contains(text) { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\t": result += "\\t"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            // An ampersand is escaped because a bare one at the start of a word is refused as an anchor.
            case "&": result += "\\x26"
            default: result += needsEscape(scalar) ? escaped(scalar) : String(scalar)
            }
        }
        return result + "\""
    }

    /// Control characters and the line breaks of YAML 1.1 do not survive unescaped.
    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 32 || (127...160).contains(scalar.value)
            || [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
            || scalar == "[" || scalar == "{"
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let width = scalar.value <= 0xFF ? 2 : 4
        return (width == 2 ? "\\x" : "\\u") + String(repeating: "0", count: max(0, width - digits.count))
            + digits
    }
}
