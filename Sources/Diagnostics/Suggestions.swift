/// Finds the name a user probably meant.
public enum Suggestions {
    /// The candidate nearest to `word` by edit distance, if it is near enough to be a likely slip
    /// (at most a third of the longer word, but two edits always count).
    public static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        candidates
            .map { (name: $0, distance: editDistance(word.lowercased(), $0.lowercased())) }
            .filter { $0.distance <= max(2, max(word.count, $0.name.count) / 3) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
    }

    /// `did you mean 'x'?`, or the list of what there is when nothing is near.
    public static func remedy(for word: String, among candidates: [String]) -> String {
        if let near = nearest(to: word, among: candidates) { return "did you mean '\(near)'?" }
        return "use one of: " + candidates.sorted().joined(separator: ", ")
    }

    /// The Levenshtein distance: insertions, deletions and substitutions, each counting one.
    static func editDistance(_ left: String, _ right: String) -> Int {
        let a = Array(left)
        let b = Array(right)
        var previous = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                row.append(min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1)))
            }
            previous = row
        }
        return previous[b.count]
    }
}
