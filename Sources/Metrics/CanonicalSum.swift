/// The sum whose bits do not depend on who computed which value.
///
/// The tree has aligned blocks `[i·2^k, (i+1)·2^k)` cut at the number of values: a block's value is the sum
/// of its left and right half, or that of its left half alone where nothing lies on the right.
public enum CanonicalSum {
    /// The canonical sum of the values in their order; 0 for none.
    public static func of(_ values: [Double]) -> Double {
        var level = values
        while level.count > 1 {
            // Each round joins neighbours: what remains are the values of blocks twice as wide.
            level = stride(from: 0, to: level.count, by: 2).map { left in
                left + 1 < level.count ? level[left] + level[left + 1] : level[left]
            }
        }
        return level.first ?? 0
    }
}
