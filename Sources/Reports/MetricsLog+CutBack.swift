import Diagnostics
import Foundation

extension MetricsLog {
    /// Cuts a log back to what a checkpoint knows, so that a resumed run writes the rest again. Call it
    /// before the log is opened; a log that does not exist is fine.
    ///
    /// A torn last line (the run was killed while writing it) is dropped.
    ///
    /// - Parameters:
    ///   - path: the log.
    ///   - step: lines of later steps go.
    ///   - evaluationStep: evaluations of later steps go; give the last one that the checkpoint knows where
    ///     one is pending and will be done again. `step` by default.
    /// - Returns: the number of lines dropped, the torn one included.
    /// - Throws: 65 naming the line that is not one of a log, 74 where the file cannot be read or written.
    @discardableResult
    public static func cutBack(_ path: String, toStep step: Int, evaluationStep: Int? = nil) throws -> Int {
        guard access(path, F_OK) == 0 else { return 0 }
        let bytes: [UInt8]
        do {
            bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe))
        } catch {
            throw LockstepError(.inputOutput, "cannot read the file", at: FileLocation(path), cause: error)
        }
        var kept: [UInt8] = []
        kept.reserveCapacity(bytes.count)
        var (lineNumber, droppedCount, start) = (0, 0, 0)
        while start < bytes.count {
            lineNumber += 1
            guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) else {
                droppedCount += 1
                break
            }
            let line = bytes[start..<end]
            start = end + 1
            guard let entry = LogLine(line) else {
                // A crash of the machine may leave a last line of zeros or worse.
                if start == bytes.count {
                    droppedCount += 1
                    break
                }
                throw LockstepError(
                    .badData, "this line is not one of a metrics log",
                    at: FileLocation(path, line: lineNumber),
                    remedy: "repair or remove the line")
            }
            if entry.step <= (entry.isEvaluation ? evaluationStep ?? step : step) {
                kept.append(contentsOf: bytes[line.startIndex...end])
            } else {
                droppedCount += 1
            }
        }
        if droppedCount > 0 { try OutputFile.replace(path, with: kept) }
        return droppedCount
    }
}

/// What the cutting back needs of a line. Lines are ours, so two patterns do; no tree is built.
private struct LogLine {
    var step: Int
    var isEvaluation: Bool

    /// `nil` for what is not a line of a log.
    init?(_ line: ArraySlice<UInt8>) {
        guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}"), !line.contains(0),
            let step = Self.rest(of: line, after: "\"step\":")
        else { return nil }
        let digits = step.prefix { $0 >= 48 && $0 <= 57 }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
        self.step = number
        isEvaluation = Self.rest(of: line, after: "\"kind\":\"evaluation\"") != nil
        let isKnown =
            isEvaluation || Self.rest(of: line, after: "\"kind\":\"train\"") != nil
            || Self.rest(of: line, after: "\"kind\":\"ranks\"") != nil
        if !isKnown { return nil }
    }

    /// What follows a key that stands at the start of a member; inside texts quotes are escaped, so it cannot
    /// match.
    private static func rest(of line: ArraySlice<UInt8>, after text: StaticString) -> ArraySlice<UInt8>? {
        text.withUTF8Buffer { pattern in
            guard line.count > pattern.count else { return nil }
            for start in line.startIndex + 1...line.endIndex - pattern.count
            where line[start] == pattern[0] && line[start...].starts(with: pattern) {
                let before = line[start - 1]
                if before == UInt8(ascii: "{") || before == UInt8(ascii: ",") {
                    return line[(start + pattern.count)...]
                }
            }
            return nil
        }
    }
}
