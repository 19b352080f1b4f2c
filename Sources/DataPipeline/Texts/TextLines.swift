import Diagnostics
import Foundation

/// The lines of a text file, mapped into memory and never loaded whole; eight bytes a line are kept.
///
/// Lines end with LF or CR LF; the last one may lack its end. Bytes that are no UTF-8 are allowed here, see
/// ``checkUTF8()``.
public final class TextLines: Sendable {
    /// The path as the user wrote it.
    public let path: String
    /// The number of lines.
    public var count: Int { starts.count - 1 }
    /// The file's size.
    public var byteCount: Int { file.byteCount }

    private let file: MappedFile
    /// Where each line begins, and the file's end.
    private let starts: [Int]

    /// Opens a file and finds its lines.
    /// - Throws: 65 for a file that is missing or empty; 74 for one that cannot be read.
    public init(path: String) throws {
        let file = try MappedFile(path: path)
        var starts = [0]
        var offset = 0
        while offset < file.byteCount, let found = memchr(file.base + offset, 10, file.byteCount - offset) {
            offset = UnsafeRawPointer(file.base).distance(to: UnsafeRawPointer(found)) + 1
            starts.append(offset)
        }
        if offset < file.byteCount { starts.append(file.byteCount) }
        (self.path, self.file, self.starts) = (path, file, starts)
    }

    /// Hands the bytes of a line, without its end, to `body`.
    public func withBytes<Result>(
        ofLine line: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result {
        var end = starts[line + 1]
        if end > starts[line], file.base[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        if end > starts[line], file.base[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return try body(UnsafeBufferPointer(start: file.base + starts[line], count: end - starts[line]))
    }

    /// Hands all bytes to `body`.
    public func withAllBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result
    {
        try body(UnsafeBufferPointer(start: file.base, count: file.byteCount))
    }

    /// The text of a line; bytes that are no UTF-8 become U+FFFD.
    public subscript(line: Int) -> String { withBytes(ofLine: line) { String(decoding: $0, as: UTF8.self) } }

    /// Where a line stands.
    public func location(ofLine line: Int) -> FileLocation { FileLocation(path, line: line + 1) }

    /// A number that says what the file holds.
    public var fingerprint: UInt64 { file.fingerprint }

    /// The numbers of the lines with a byte that is no part of UTF-8, for recipes that leave them out.
    public var linesOutsideUTF8: [Int] {
        (0..<count).filter { line in
            withBytes(ofLine: line) { UTF8Validation.firstInvalidOffset(in: $0) != nil }
        }
    }

    /// Checks that the whole file is UTF-8, for recipes that do not take what is replaced.
    /// - Throws: 65 with FILE:LINE of the first byte that is none.
    public func checkUTF8() throws {
        guard let offset = withAllBytes({ UTF8Validation.firstInvalidOffset(in: $0) }) else { return }
        var (low, high) = (0, count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= offset { low = middle } else { high = middle - 1 }
        }
        throw LockstepError(
            .badData, "a byte is no part of UTF-8", at: location(ofLine: low),
            remedy: "convert the file, for instance with iconv -f ISO-8859-1 -t UTF-8")
    }
}
