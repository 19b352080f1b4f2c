import Diagnostics

/// Which column of the training file something belongs to, kept in checkpoints so that it is found again in
/// another file: by name where there is a header, else by position.
public struct ColumnIdentity: Codable, Sendable, Equatable {
    /// The header's name, or nil without a header.
    public var name: String?
    /// The position in the training file, counted from 0.
    public var index: Int

    init(_ source: CSVSource, _ index: Int) {
        name = source.header?[index]
        self.index = index
    }

    /// The position of this column in another file.
    ///
    /// Without a header, the file must have as many columns as the training file, or lack just the label.
    /// - Throws: 65 where the column is not there.
    func position(in source: CSVSource, trainedColumnCount: Int, label: Int?) throws -> Int {
        if let name, source.header != nil, !name.isEmpty { return try source.columnIndex(of: .name(name)) }
        if source.columnCount == trainedColumnCount, (0..<trainedColumnCount).contains(index) { return index }
        if let label, source.columnCount == trainedColumnCount - 1, index != label,
            (0..<trainedColumnCount).contains(index)
        {
            return index < label ? index : index - 1
        }
        throw LockstepError(
            .badData,
            "the file has \(source.columnCount) columns where the training file has \(trainedColumnCount)",
            at: FileLocation(source.files[0].path, line: 1),
            remedy: "give the same columns in the same order; the label alone may be left out")
    }
}

extension CSVField {
    /// The beginning of the text, short enough for a message.
    var excerpt: String {
        let bytes = trimmed
        guard bytes.count > 60 else { return text }
        return String(String(decoding: bytes.prefix(60), as: UTF8.self).prefix(40)) + "…"
    }
}
