/// Patterns of parameter names such as `dense.0.*` or `*.bias`.
public enum NamePattern {
    /// Whether `name` matches `pattern`, in which `*` stands for any characters, also none.
    ///
    /// Greedy with one step back, so the time is at most pattern × name, whatever the pattern.
    public static func matches(_ pattern: String, _ name: String) -> Bool {
        let pattern = Array(pattern.utf8)
        let name = Array(name.utf8)
        let star = UInt8(ascii: "*")
        var (p, n) = (0, 0)
        var back: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == star {
                back = (p, n)
                p += 1
            } else if p < pattern.count, pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let last = back {
                back = (last.pattern, last.name + 1)
                p = last.pattern + 1
                n = last.name + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == star }
    }
}
