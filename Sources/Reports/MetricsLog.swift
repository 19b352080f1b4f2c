import Diagnostics
import Foundation

/// Appends to `metrics.jsonl`: one JSON object a line for each logged training step and each evaluation.
///
/// A line is written whole in one system call, so a killed run leaves at most its last line torn.
public final class MetricsLog: Sendable {
    /// The keys that every line has, besides the metrics' own.
    public static let reservedKeys: Set<String> = ["kind", "step", "epoch"]

    /// The kinds of lines.
    public enum Kind: String, Sendable {
        /// Metrics of training steps.
        case train
        /// What the ranks' time was spent on since the line before, a list by rank for each.
        case ranks
        /// Metrics of an evaluation.
        case evaluation
    }

    private let file: OutputFile

    /// Opens a log for appending, creating it where there is none.
    ///
    /// - Throws: 74 where it cannot be opened.
    public init(path: String) throws {
        file = try OutputFile(path, flags: O_APPEND)
    }

    /// Appends one line.
    ///
    /// - Parameters:
    ///   - step: the step that the numbers belong to.
    ///   - values: by name; full precision, `null` for numbers that are not finite. Names must not be
    ///     reserved.
    ///   - texts: further facts by name, for instance the split.
    ///   - lists: lists of numbers by name.
    /// - Throws: 74 where it cannot be written.
    public func append(
        _ kind: Kind, step: Int, epoch: Int, values: [String: Double], texts: [String: String] = [:],
        lists: [String: [Double]] = [:]
    ) throws {
        var line = JSONLine()
        for (key, value) in lists { line.set(key, value) }
        for (key, value) in values { line.set(key, value) }
        for (key, value) in texts { line.set(key, value) }
        if let key = Self.reservedKeys.first(where: { values[$0] != nil || texts[$0] != nil }) {
            throw LockstepError(.internalError, "no metric may have the name '\(key)'")
        }
        line.set("kind", kind.rawValue)
        line.set("step", step)
        line.set("epoch", epoch)
        try file.write(Array(line.text.utf8) + [UInt8(ascii: "\n")])
    }

    /// Makes all lines durable; call it before a checkpoint that relies on them.
    ///
    /// - Throws: 74.
    public func sync() throws { try file.sync() }
}
