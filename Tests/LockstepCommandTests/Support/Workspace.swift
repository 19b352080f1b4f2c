import Checkpoints
import Foundation

/// A folder of its own for a test, removed when the test lets go of it.
final class Workspace {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "command-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A place in the folder.
    func at(_ name: String) -> String { path + "/" + name }

    /// Writes a file.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: at(name)))
        return at(name)
    }

    /// A recipe of a table with the columns a, b and label, and the table itself.
    func tableRecipe(_ table: String, named name: String = "table.csv") throws -> String {
        try write(table, to: name)
        return try write(
            """
            name: small
            seed: 3
            task: classification
            data:
              path: \(name)
              label: label
              split: {kind: ranges, train: 0..48, test: 48..64}
            model:
              kind: dense
              hidden: [8]
            training:
              globalBatchSize: 8
              logicalShards: 4
              epochs: 4
            """ + "\n", to: "small.yaml")
    }

    /// 64 rows under a header, the row of index i made by `row`.
    static func table(_ row: (Int) -> String) -> String {
        (["a,b,label"] + (0..<64).map(row)).joined(separator: "\n") + "\n"
    }

    /// A row that can be learnt.
    static func goodRow(_ index: Int) -> String {
        let a = Double(index * 37 % 64) / 64
        return "\(a),\(Double(index % 7) / 7),\(a > 0.5 ? "high" : "low")"
    }
}

/// Reading what a run left.
enum RunFiles {
    /// Where the last checkpoint of a run stands.
    static func state(_ folder: String) throws -> TrainingState {
        try CheckpointReader.latest(in: folder + "/checkpoints").checkpoint.state
    }

    /// The folders of its checkpoints by rising step.
    static func checkpoints(_ folder: String) -> [String] {
        ((try? CheckpointReader.list(in: folder + "/checkpoints")) ?? []).map(\.path)
    }

    /// The lines of metrics.jsonl of a kind.
    static func lines(_ folder: String, kind: String) throws -> [[String: Any]] {
        try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            .map { try json(String($0)) }.filter { $0["kind"] as? String == kind }
    }

    /// The lines of metrics.jsonl in canonical form, without what measures time.
    static func metrics(_ folder: String) throws -> [String] {
        try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8).split(separator: "\n")
            .compactMap {
                line in
                var values = try json(String(line))
                if values["kind"] as? String == "ranks" { return nil }
                values["samplesPerSecond"] = nil
                let bytes = try JSONSerialization.data(withJSONObject: values, options: [.sortedKeys])
                return String(decoding: bytes, as: UTF8.self)
            }
    }

    /// An object of JSON.
    static func json(_ text: String) throws -> [String: Any] {
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
        guard let object = value as? [String: Any] else { throw CocoaError(.fileReadCorruptFile) }
        return object
    }

    /// Every file below a folder with its bytes.
    static func contents(_ folder: String) throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            result[name] = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
        }
        return result
    }

    /// Turns one bit of a file, so many bytes before its end.
    static func flipBit(_ path: String, beforeEnd: Int) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count - beforeEnd] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: path))
    }
}
