import Diagnostics

/// How a CSV file is written: RFC 4180 with a choice of delimiter, with or without a header line.
///
/// Beyond RFC 4180: rows may end in LF, CRLF or CR, also mixed; wholly blank lines are skipped; a UTF-8 byte
/// order mark is skipped; a quote inside a field that does not begin with one is an ordinary character.
public struct CSVDialect: Sendable, Equatable {
    /// The byte between two fields.
    public var delimiter: UInt8
    /// Whether the first row holds the column names.
    public var hasHeader: Bool
    /// A longer field is an error (usually a quote that was never closed), in bytes.
    public var maximumFieldByteCount: Int
    /// A row of more fields is an error.
    public var maximumColumnCount: Int
    /// Whether rows that are not UTF-8, hold a NUL byte or have another number of fields are left out rather than
    /// errors.
    public var skipsBadRows: Bool

    /// Creates a dialect; the default is comma-separated with a header.
    public init(
        delimiter: UInt8 = UInt8(ascii: ","), hasHeader: Bool = true, maximumFieldByteCount: Int = 16 << 20,
        maximumColumnCount: Int = 65_536, skipsBadRows: Bool = false
    ) {
        self.delimiter = delimiter
        self.hasHeader = hasHeader
        self.maximumFieldByteCount = maximumFieldByteCount
        self.maximumColumnCount = maximumColumnCount
        self.skipsBadRows = skipsBadRows
    }

    /// The delimiter that a recipe names: one ASCII character, or the word `tab`.
    /// - Throws: 2 for anything else, and for a quote or a line break.
    public static func delimiter(named text: String) throws -> UInt8 {
        if text == "tab" || text == "\\t" { return UInt8(ascii: "\t") }
        let bytes = Array(text.utf8)
        guard bytes.count == 1, isDelimiter(bytes[0]) else {
            throw LockstepError(
                .usage, "'\(text)' cannot delimit fields",
                remedy: "use one ASCII character that is no quote, for instance ',' or ';', or the word tab")
        }
        return bytes[0]
    }

    static func isDelimiter(_ byte: UInt8) -> Bool {
        byte != UInt8(ascii: "\"") && (byte == UInt8(ascii: "\t") || (32..<127).contains(byte))
    }
}
