import Diagnostics
import Foundation

/// How far a trial has come: a file of its own beside its folder, so that whoever runs it keeps it, on whatever host.
struct TrialRecord: Codable, Sendable, Equatable {
    /// What a trial reached at the end of a rung.
    struct Rung: Codable, Sendable, Equatable {
        /// The steps that it had trained.
        var step: Int
        /// Its metric on the validation split; nil where that was not a number.
        var value: Double?
        /// Seconds that this rung took.
        var seconds: Double
    }

    var number: Int
    var settings: [String]
    var rungs: [Rung] = []
    /// Why it ended before its time.
    var failure: String?

    /// The value that counts: that of the last rung.
    var value: Double? { failure == nil ? rungs.last?.value : nil }

    static func path(_ folder: String, _ number: Int) -> String { name(folder, number) + ".json" }
    static func log(_ folder: String, _ number: Int) -> String { name(folder, number) + ".log" }
    /// The trial's run folder.
    static func run(_ folder: String, _ number: Int) -> String { name(folder, number) }

    private static func name(_ folder: String, _ number: Int) -> String {
        folder + "/trial-" + String(format: "%03d", number)
    }

    /// The record of a trial, or one of a trial that has not begun.
    static func read(_ folder: String, _ trial: SweepPlan.Trial) throws -> TrialRecord {
        let path = path(folder, trial.number)
        guard FileManager.default.fileExists(atPath: path) else {
            return TrialRecord(number: trial.number, settings: trial.settings)
        }
        do {
            let record = try JSONDecoder().decode(
                TrialRecord.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            if record.number == trial.number, record.settings == trial.settings { return record }
        } catch {
            throw LockstepError(
                .badData, "the record of a trial cannot be read", at: FileLocation(path),
                remedy: "remove it: the trial then goes on from its last checkpoint", cause: error)
        }
        throw LockstepError(
            .mismatch, "the record is of another trial", at: FileLocation(path),
            remedy: "choose another --output")
    }

    func write(_ folder: String) throws { try SweepFiles.write(self, to: Self.path(folder, number)) }
}

/// Writing of JSON files, each whole or not at all.
enum SweepFiles {
    static func write(_ value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            try (try encoder.encode(value) + Data("\n".utf8)).write(
                to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw LockstepError(
                .inputOutput, "cannot write the file", at: FileLocation(path),
                remedy: "check the folder and the space left", cause: error)
        }
    }
}
