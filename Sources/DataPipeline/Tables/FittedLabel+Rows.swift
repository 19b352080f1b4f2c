extension CSVSource {
    /// The rows whose label can be learned from: it is there and, where numbers are predicted, a number.
    /// - Throws: 65 for an unknown column.
    public func rows(_ rows: [Int], withLabel label: ColumnReference, kind: LabelKind) throws -> [Int] {
        let column = try columnIndex(of: label)
        return try rows.filter { row in
            try isGood(row, column) { kind == .number ? $0.number != nil : !$0.trimmed.isEmpty }
        }
    }

    fileprivate func isGood(_ row: Int, _ column: Int, _ test: (CSVField) -> Bool) throws -> Bool {
        var isGood = false
        try forEachField(ofRow: row) { if $0.column == column { isGood = test($0) } }
        return isGood
    }
}

extension FittedLabel {
    /// The rows whose label is one that the training rows have, or a number where numbers are predicted.
    /// - Throws: 65 where the label's column is not in the files.
    public func knownRows(_ rows: [Int], in source: CSVSource, trainedColumnCount: Int) throws -> [Int] {
        let column = try column.position(in: source, trainedColumnCount: trainedColumnCount, label: nil)
        let encoder = LabelEncoder(self)
        return try rows.filter { try source.isGood($0, column, encoder.knows) }
    }
}
