/// What one format of data adds to the group `data`: a file of this folder a format.
///
/// A new format is a case of ``DataPart/Format`` and of ``DataPart/Content``, a part like this one, and in `Scenarios`
/// a source of rows with what is fitted to it.
protocol FormatPart: Sendable, Equatable {
    /// Reads the format's own keys of the group `data`.
    init(_ reader: RecipeReader) throws
    /// Adds the format's own keys.
    func flatten(into keys: inout FlatKeys)
}
