import Diagnostics

/// One CSV file: mapped into memory, its rows indexed, its fields decoded on demand. It is never loaded
/// whole.
///
/// Opening it checks every row, so reading fields afterwards cannot fail.
public final class CSVFile: Sendable {
    /// The path as the user wrote it.
    public let path: String
    /// How the file is written.
    public let dialect: CSVDialect
    /// The names in the header, or nil where the dialect has no header.
    public let header: [String]?
    /// Fields in each row.
    public let columnCount: Int
    /// Data rows, the header not counted.
    public var rowCount: Int { index.offsets.count }
    /// The file's size.
    public var byteCount: Int { file.byteCount }
    var fingerprint: UInt64 { file.fingerprint }

    private let file: MappedFile
    private let index: CSVIndex

    /// Opens, indexes and checks a file.
    /// - Throws: 65 with FILE:LINE:COLUMN for a ragged row, a NUL byte, bytes that are not UTF-8, an unclosed
    ///   quote, text after a closing quote, a field or a row beyond the dialect's limits, a missing or empty
    ///   file or one without a data row; 74 for a file that cannot be read; 2 for an impossible delimiter.
    public init(path: String, dialect: CSVDialect = CSVDialect()) throws {
        guard CSVDialect.isDelimiter(dialect.delimiter) else {
            throw LockstepError(.usage, "the byte \(dialect.delimiter) cannot delimit fields")
        }
        file = try MappedFile(path: path)
        index = try CSVIndex(file, dialect: dialect)
        self.path = path
        self.dialect = dialect
        header = index.header
        columnCount = index.columnCount
    }

    /// Hands each field of a row to `body`, in order.
    /// - Throws: what `body` throws.
    public func forEachField(ofRow row: Int, _ body: (CSVField) throws -> Void) throws {
        var scanner = CSVScanner(
            file, dialect: dialect, position: index.offsets[row], line: index.lines[row])
        var column = 0
        var stop = CSVScanner.Stop.delimiter
        while stop == .delimiter {
            let raw = try scanner.next()
            stop = raw.stop
            try body(CSVField(column: column, raw, file))
            column &+= 1
        }
    }

    /// The places of the rows that were left out, where the dialect skips bad ones.
    public var skippedPlaces: [FileLocation] { index.skippedLines.map { FileLocation(path, line: $0) } }

    /// A row's number in the file, counted from 0, rows that were left out counted as well.
    public func number(ofRow row: Int) -> Int {
        var number = row
        for skipped in index.skipped where skipped <= number { number += 1 }
        return number
    }

    /// The line on which a row begins.
    public func location(ofRow row: Int) -> FileLocation { FileLocation(path, line: index.lines[row]) }

    /// The line and column on which a field's content begins.
    func location(ofRow row: Int, field: CSVField) -> FileLocation {
        CSVIndex.location(
            file, rowStart: index.offsets[row], rowLine: index.lines[row], offset: field.offset)
    }
}
