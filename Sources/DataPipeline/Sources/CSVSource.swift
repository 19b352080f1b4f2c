import Diagnostics

/// Names a column: by the header's name, or by its position counted from 0.
public enum ColumnReference: Sendable, Equatable, CustomStringConvertible, ExpressibleByStringLiteral,
    ExpressibleByIntegerLiteral
{
    /// A name of the header.
    case name(String)
    /// A position, counted from 0.
    case index(Int)

    /// A column by name.
    public init(stringLiteral value: String) { self = .name(value) }
    /// A column by position.
    public init(integerLiteral value: Int) { self = .index(value) }

    /// `'name'` or the position.
    public var description: String {
        switch self {
        case .name(let name): "'\(name)'"
        case .index(let index): "\(index)"
        }
    }
}

/// One or several CSV files of the same columns, read as one long table.
public final class CSVSource: Sendable {
    /// The files, in the order of their rows.
    public let files: [CSVFile]
    /// Data rows in all files.
    public let rowCount: Int
    private let firstRows: [Int]

    /// The names in the header, or nil where the dialect has no header.
    public var header: [String]? { files[0].header }
    /// Fields in each row.
    public var columnCount: Int { files[0].columnCount }

    /// Opens one file or several with equal columns.
    /// - Throws: what ``CSVFile`` throws; 65 where a later file has other columns than the first.
    public init(paths: [String], dialect: CSVDialect = CSVDialect()) throws {
        guard !paths.isEmpty else { throw LockstepError(.usage, "there is no data file") }
        files = try paths.map { try CSVFile(path: $0, dialect: dialect) }
        for file in files where file.columnCount != files[0].columnCount || file.header != files[0].header {
            throw LockstepError(
                .badData, "its columns differ from those of \(files[0].path)",
                at: FileLocation(file.path, line: 1),
                remedy: "files read as one need the same columns in order")
        }
        var firstRows: [Int] = []
        var total = 0
        for file in files {
            firstRows.append(total)
            total += file.rowCount
        }
        self.firstRows = firstRows
        rowCount = total
    }

    /// Opens one file.
    /// - Throws: what ``CSVFile`` throws.
    public convenience init(path: String, dialect: CSVDialect = CSVDialect()) throws {
        try self.init(paths: [path], dialect: dialect)
    }

    /// The rows that come from the file of this number.
    public func rows(ofFile number: Int) -> Range<Int> {
        firstRows[number]..<(firstRows[number] + files[number].rowCount)
    }

    /// Hands each field of a row to `body`, in order.
    /// - Throws: what `body` throws.
    public func forEachField(ofRow row: Int, _ body: (CSVField) throws -> Void) throws {
        let (file, local) = place(ofRow: row)
        try file.forEachField(ofRow: local, body)
    }

    /// The decoded fields of a row.
    public func strings(ofRow row: Int) throws -> [String] {
        var strings: [String] = []
        try forEachField(ofRow: row) { strings.append($0.string) }
        return strings
    }

    /// A hash of a row's fields as they are written.
    /// - Throws: what reading the row throws.
    func identity(ofRow row: Int) throws -> UInt64 {
        var hash = SampleIdentity.of([])
        try forEachField(ofRow: row) { field in
            hash = SampleIdentity.of(field.bytes, after: hash)
            // No byte of UTF-8: it keeps fields apart.
            hash = SampleIdentity.of([0xFF], after: hash)
        }
        return hash
    }

    /// The file and line on which a row begins.
    public func location(ofRow row: Int) -> FileLocation {
        let (file, local) = place(ofRow: row)
        return file.location(ofRow: local)
    }

    /// The position of a column, counted from 0.
    /// - Throws: 65 for an unknown one, with the nearest name.
    public func columnIndex(of reference: ColumnReference) throws -> Int {
        let place = FileLocation(files[0].path, line: header == nil ? nil : 1)
        switch reference {
        case .index(let index):
            guard (0..<columnCount).contains(index) else {
                throw LockstepError(
                    .badData, "there is no column \(index): the file has \(columnCount) columns", at: place,
                    remedy: "columns are counted from 0")
            }
            return index
        case .name(let name):
            guard let header else {
                throw LockstepError(
                    .badData, "there is no column '\(name)': the file has no header", at: place,
                    remedy: "name columns by number from 0, or say that the file has a header")
            }
            guard let index = header.firstIndex(of: name) else {
                throw LockstepError(
                    .badData, "there is no column '\(name)'", at: place,
                    remedy: Suggestions.remedy(for: name, among: header))
            }
            return index
        }
    }

    /// A number for each row's group: rows with the same text in the column share one. Groups are numbered
    /// from 0 in byte order of their text; a stratified split takes them as classes.
    /// - Throws: 65 for an unknown column.
    public func groups(byColumn reference: ColumnReference) throws -> [Int32] {
        let column = try columnIndex(of: reference)
        var texts: [String] = []
        texts.reserveCapacity(rowCount)
        for row in 0..<rowCount {
            try forEachField(ofRow: row) { if $0.column == column { texts.append($0.text) } }
        }
        let order = Set(texts).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let numbers = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, Int32($0)) })
        return texts.map { numbers[$0] ?? 0 }
    }

    /// - Throws: 1 for a row that does not exist.
    func check(_ rows: [Int]) throws {
        guard let stray = rows.first(where: { !(0..<rowCount).contains($0) }) else { return }
        throw LockstepError(
            .internalError, "row \(stray) of \(rowCount) does not exist", at: FileLocation(files[0].path))
    }

    /// The column's header name for messages, or its number.
    func columnName(_ column: Int) -> String { header.map { "'\($0[column])'" } ?? "\(column)" }

    /// An error 65 at a field, or at the line on which its row begins.
    func error(
        _ message: String, row: Int, field: CSVField? = nil, remedy: String? = nil
    ) -> LockstepError {
        let (file, local) = place(ofRow: row)
        let location = field.map { file.location(ofRow: local, field: $0) } ?? file.location(ofRow: local)
        return LockstepError(.badData, message, at: location, remedy: remedy)
    }

    private func place(ofRow row: Int) -> (CSVFile, Int) {
        var number = files.count - 1
        while number > 0, firstRows[number] > row { number -= 1 }
        return (files[number], row - firstRows[number])
    }
}
