/// Walks over the bytes of a CSV file, field by field. The indexer and the readers of rows share it,
/// so both always see the same fields.
struct CSVScanner {
    /// What ended a field.
    enum Stop { case delimiter, rowEnd, fileEnd }

    /// Why a field cannot be read, with the byte offset to show.
    enum Fault: Error {
        case unclosedQuote(Int)
        case textAfterQuote(Int)
        case fieldTooLong(Int)
    }

    /// A field's content as byte offsets, without its enclosing quotes.
    struct RawField {
        var start: Int
        var end: Int
        /// Holds doubled quotes that stand for one each.
        var isEscaped: Bool
        var stop: Stop
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    let base: UnsafePointer<UInt8>
    let end: Int
    let delimiter: UInt8
    let maximumFieldByteCount: Int
    private(set) var position: Int
    /// The line of `position`, counted from 1.
    private(set) var line: Int

    init(_ file: MappedFile, dialect: CSVDialect, position: Int, line: Int) {
        base = file.base
        end = file.byteCount
        delimiter = dialect.delimiter
        maximumFieldByteCount = max(1, dialect.maximumFieldByteCount)
        self.position = position
        self.line = line
    }

    /// Skips line breaks; at the beginning of a row these are blank lines.
    mutating func skipBlankLines() {
        while position < end, base[position] == Self.lineFeed || base[position] == Self.carriageReturn {
            skipLineBreak()
        }
    }

    /// The next field; at the end of the file an empty one.
    mutating func next() throws(Fault) -> RawField {
        position < end && base[position] == Self.quote ? try quotedField() : try plainField()
    }

    private mutating func plainField() throws(Fault) -> RawField {
        let start = position
        let limit = min(end, start &+ maximumFieldByteCount &+ 1)
        var cursor = start
        while cursor < limit {
            let byte = base[cursor]
            if byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn { break }
            cursor &+= 1
        }
        guard cursor &- start <= maximumFieldByteCount else { throw .fieldTooLong(start) }
        position = cursor
        return RawField(start: start, end: cursor, isEscaped: false, stop: stop())
    }

    private mutating func quotedField() throws(Fault) -> RawField {
        let opening = position
        let limit = min(end, opening &+ maximumFieldByteCount &+ 2)
        var cursor = opening &+ 1
        var isEscaped = false
        while cursor < limit {
            let byte = base[cursor]
            if byte == Self.quote {
                guard cursor &+ 1 < end, base[cursor &+ 1] == Self.quote else { break }
                isEscaped = true
                cursor &+= 1
            } else if byte == Self.lineFeed || (byte == Self.carriageReturn && !isLineFeed(cursor &+ 1)) {
                line &+= 1
            }
            cursor &+= 1
        }
        guard cursor < limit else { throw limit == end ? .unclosedQuote(opening) : .fieldTooLong(opening) }
        position = cursor &+ 1
        guard position == end || isFieldEnd(base[position]) else { throw .textAfterQuote(position) }
        return RawField(start: opening &+ 1, end: cursor, isEscaped: isEscaped, stop: stop())
    }

    /// Consumes what ended the field at `position`.
    private mutating func stop() -> Stop {
        guard position < end else { return .fileEnd }
        if base[position] == delimiter {
            position &+= 1
            return .delimiter
        }
        skipLineBreak()
        return .rowEnd
    }

    private mutating func skipLineBreak() {
        position &+= base[position] == Self.carriageReturn && isLineFeed(position &+ 1) ? 2 : 1
        line &+= 1
    }

    private func isLineFeed(_ offset: Int) -> Bool { offset < end && base[offset] == Self.lineFeed }

    private func isFieldEnd(_ byte: UInt8) -> Bool {
        byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn
    }
}
