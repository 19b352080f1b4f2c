import Diagnostics

extension CSVSource {
    /// Those of the rows in which none of the columns is missing.
    func rows(_ rows: [Int], withoutMissingIn columns: [Int], _ missing: MissingValues) throws -> [Int] {
        var isUsed = Array(repeating: false, count: columnCount)
        for column in columns { isUsed[column] = true }
        return try rows.filter { row in
            var isComplete = true
            try forEachField(ofRow: row) { field in
                if isUsed[field.column], missing.matches(field) { isComplete = false }
            }
            return isComplete
        }
    }

    func missingError(_ field: CSVField, row: Int) -> LockstepError {
        error(
            "column \(columnName(field.column)) has no value", row: row, field: field,
            remedy: "choose how missing values are handled: drop, mean, median or mostFrequent")
    }

    func notANumberError(_ field: CSVField, row: Int) -> LockstepError {
        let isFirstLine = location(ofRow: row).line == 1
        return error(
            "'\(field.excerpt)' in column \(columnName(field.column)) is no finite number", row: row,
            field: field,
            remedy: isFirstLine
                ? "set header to true if this line is one, else list the column as categorical, or drop it"
                : "correct it, or list the column as categorical, or drop it")
    }
}
