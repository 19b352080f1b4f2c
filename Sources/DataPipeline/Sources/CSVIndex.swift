import Diagnostics
import Foundation

/// Where each row of a CSV file begins. Building it reads the file once and checks every row, so that reading
/// fields afterwards cannot fail.
struct CSVIndex: Sendable {
    /// The byte offset of each data row.
    private(set) var offsets: [Int] = []
    /// The line on which each data row begins, counted from 1.
    private(set) var lines: [Int] = []
    /// The numbers of the rows that were left out, all rows counted from 0.
    private(set) var skipped: [Int] = []
    /// The lines on which they begin.
    private(set) var skippedLines: [Int] = []
    /// The header's names, or nil where the dialect has none.
    private(set) var header: [String]?
    /// Fields in each row.
    private(set) var columnCount = 0

    /// Reads and checks the whole file.
    /// - Throws: 65 with FILE:LINE:COLUMN for a ragged row, a NUL byte, bytes that are not UTF-8, an unclosed
    ///   quote, text after a closing quote, a field or a row beyond the dialect's limits, or a file without a
    ///   data row.
    init(_ file: MappedFile, dialect: CSVDialect) throws {
        var scanner = CSVScanner(file, dialect: dialect, position: Self.byteOrderMark(file), line: 1)
        var headerLine = 1
        scanner.skipBlankLines()
        while scanner.position < scanner.end {
            let start = scanner.position
            let line = scanner.line
            let isHeader = dialect.hasHeader && header == nil
            let fieldCount = try Self.scanRow(&scanner, file, dialect, line: line)
            do {
                try Self.checkBytes(file, start..<scanner.position, line: line)
                if columnCount == 0 {
                    columnCount = fieldCount
                    headerLine = line
                }
                try checkWidth(fieldCount, file, line: line, headerLine: headerLine)
            } catch  where dialect.skipsBadRows && !isHeader {
                skipped.append(offsets.count + skipped.count)
                skippedLines.append(line)
                scanner.skipBlankLines()
                continue
            }
            if isHeader {
                header = try Self.names(file, dialect, start: start, line: line)
            } else {
                offsets.append(start)
                lines.append(line)
            }
            scanner.skipBlankLines()
        }
        guard !offsets.isEmpty else {
            throw LockstepError(
                .badData, header == nil ? "the file has no rows" : "the file has a header but no rows",
                at: FileLocation(file.path))
        }
    }

    private func checkWidth(_ fieldCount: Int, _ file: MappedFile, line: Int, headerLine: Int) throws {
        guard fieldCount != columnCount else { return }
        throw LockstepError(
            .badData, "the row has \(Self.fields(fieldCount)) but line \(headerLine) has \(columnCount)",
            at: FileLocation(file.path, line: line),
            remedy: "quote fields that hold the delimiter, and check the delimiter itself")
    }

    /// The place of a byte, found by walking from the beginning of its row.
    static func location(_ file: MappedFile, rowStart: Int, rowLine: Int, offset: Int) -> FileLocation {
        var line = rowLine
        var column = 1
        for index in rowStart..<max(rowStart, offset) {
            let byte = file.base[index]
            let isLastByte = index + 1 == file.byteCount
            let isLoneReturn =
                byte == UInt8(ascii: "\r") && (isLastByte || file.base[index + 1] != UInt8(ascii: "\n"))
            if byte == UInt8(ascii: "\n") || isLoneReturn {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1  // Continuation bytes belong to the character before.
            }
        }
        return FileLocation(file.path, line: line, column: column)
    }

    private static func byteOrderMark(_ file: MappedFile) -> Int {
        let hasMark =
            file.byteCount >= 3 && file.base[0] == 0xEF && file.base[1] == 0xBB && file.base[2] == 0xBF
        return hasMark ? 3 : 0
    }

    /// Passes over one row and counts its fields.
    private static func scanRow(
        _ scanner: inout CSVScanner, _ file: MappedFile, _ dialect: CSVDialect, line: Int
    ) throws -> Int {
        let start = scanner.position
        var count = 0
        var stop = CSVScanner.Stop.delimiter
        while stop == .delimiter {
            do throws(CSVScanner.Fault) {
                stop = try scanner.next().stop
            } catch {
                throw describe(error, file, dialect, rowStart: start, line: line)
            }
            count += 1
            guard count <= dialect.maximumColumnCount else {
                throw LockstepError(
                    .badData, "the row has more than \(dialect.maximumColumnCount) fields",
                    at: FileLocation(file.path, line: line), remedy: "check the delimiter and the line ends")
            }
        }
        return count
    }

    private static func describe(
        _ fault: CSVScanner.Fault, _ file: MappedFile, _ dialect: CSVDialect, rowStart: Int, line: Int
    ) -> LockstepError {
        func error(_ offset: Int, _ message: String, _ remedy: String) -> LockstepError {
            let place = location(file, rowStart: rowStart, rowLine: line, offset: offset)
            return LockstepError(.badData, message, at: place, remedy: remedy)
        }
        switch fault {
        case .unclosedQuote(let offset):
            return error(offset, "the quote is never closed", "close it, or double a quote meant as text")
        case .textAfterQuote(let offset):
            return error(
                offset, "there is text after the closing quote", "double a quote that is meant as text")
        case .fieldTooLong(let offset):
            return error(
                offset, "the field is longer than \(dialect.maximumFieldByteCount) bytes",
                "look for a quote that is never closed, or for wrong line ends")
        }
    }

    private static func checkBytes(_ file: MappedFile, _ range: Range<Int>, line: Int) throws {
        func error(_ offset: Int, _ message: String, _ remedy: String) -> LockstepError {
            let place = location(
                file, rowStart: range.lowerBound, rowLine: line, offset: range.lowerBound + offset)
            return LockstepError(.badData, message, at: place, remedy: remedy)
        }
        let bytes = UnsafeBufferPointer(start: file.base + range.lowerBound, count: range.count)
        if memchr(file.base + range.lowerBound, 0, range.count) != nil {
            throw error(
                bytes.firstIndex(of: 0) ?? 0, "the file holds a NUL byte",
                "save it as UTF-8; UTF-16 and binary files cannot be read")
        }
        if let offset = UTF8Validation.firstInvalidOffset(in: bytes) {
            throw error(
                offset, "the byte 0x\(String(bytes[offset], radix: 16, uppercase: true)) is not UTF-8 here",
                "convert the file, for instance with iconv -f latin1 -t utf-8")
        }
    }

    private static func names(
        _ file: MappedFile, _ dialect: CSVDialect, start: Int, line: Int
    ) throws -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        var scanner = CSVScanner(file, dialect: dialect, position: start, line: line)
        var stop = CSVScanner.Stop.delimiter
        while stop == .delimiter {
            let raw = try scanner.next()
            stop = raw.stop
            let field = CSVField(column: names.count, raw, file)
            let name = field.text
            guard name.isEmpty || seen.insert(name).inserted else {
                throw LockstepError(
                    .badData, "the header names the column '\(name)' twice",
                    at: location(file, rowStart: start, rowLine: line, offset: raw.start),
                    remedy: "rename one of them")
            }
            names.append(name)
        }
        return names
    }

    private static func fields(_ count: Int) -> String { count == 1 ? "1 field" : "\(count) fields" }
}

extension CSVField {
    init(column: Int, _ raw: CSVScanner.RawField, _ file: MappedFile) {
        self.init(
            column: column,
            bytes: UnsafeBufferPointer(start: file.base + raw.start, count: raw.end - raw.start),
            isEscaped: raw.isEscaped, offset: raw.start)
    }
}
