/// What one format of data adds to the group `data`: a file of this folder a format.
///
/// A new format is a case of ``DataPart/Format`` and of ``DataPart/Content``, a part like this one, and in `Scenarios`
/// a source of rows with what is fitted to it.
protocol FormatPart: Sendable, Equatable {
    /// Reads the format's own keys of the group `data`.
    init(_ reader: RecipeReader) throws
    /// Adds the format's own keys.
    func flatten(into keys: inout FlatKeys)
    /// Which of the keys that formats share this one has; all of them unless a format says otherwise.
    var sharedKeys: SharedDataKeys { get }
    /// Whether the format names files that validate, and test, by keys of its own; nil where rows are split.
    var ownSplits: (validation: Bool, test: Bool)? { get }
    /// Refuses what does not fit together; by itself nothing.
    func check(_ data: DataPart, _ reader: RecipeReader) throws
}

/// Keys of the group `data` that most formats have.
struct SharedDataKeys: OptionSet {
    let rawValue: Int

    /// `onBadSample`.
    static let badSamples = SharedDataKeys(rawValue: 1)
    /// `split`, `testPath`, `fold` and `validationFraction`.
    static let splits = SharedDataKeys(rawValue: 2)
}

extension FormatPart {
    var sharedKeys: SharedDataKeys { [.badSamples, .splits] }
    var ownSplits: (validation: Bool, test: Bool)? { nil }
    func check(_ data: DataPart, _ reader: RecipeReader) throws {}
}
