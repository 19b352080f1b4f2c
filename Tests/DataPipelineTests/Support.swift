import DataPipeline
import Diagnostics
import Foundation
import Testing

/// A temporary folder that goes away with its owner.
final class Scratch {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Writes bytes to a file of this folder and returns its path.
    func write(_ bytes: [UInt8], as name: String = "data.csv") throws -> String {
        let url = folder.appendingPathComponent(name)
        try Data(bytes).write(to: url)
        return url.path
    }

    func write(_ text: String, as name: String = "data.csv") throws -> String {
        try write(Array(text.utf8), as: name)
    }

    /// A source over a new file of this text.
    func source(_ text: String, hasHeader: Bool = true) throws -> CSVSource {
        try CSVSource(path: write(text, as: UUID().uuidString), dialect: CSVDialect(hasHeader: hasHeader))
    }
}

/// Files outside the tests.
enum TestData {
    static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let folder =
        ProcessInfo.processInfo.environment["LOCKSTEP_DATA"].map { URL(fileURLWithPath: $0) }
        ?? packageRoot.appendingPathComponent("../shared/data").standardizedFileURL

    static let newsPath = folder.appendingPathComponent("ag-news/test.csv").path
    static let newsClassesPath = folder.appendingPathComponent("ag-news/classes.txt").path

    /// In CI missing data fails the tests that need it; elsewhere they are skipped.
    static let hasNews =
        FileManager.default.fileExists(atPath: newsPath)
        || ProcessInfo.processInfo.environment["CI"] == "true"

    static func recipe(_ name: String) -> String {
        packageRoot.appendingPathComponent("launch/recipes/data/\(name)").path
    }
}

/// The error that `body` throws; a recorded issue where it throws none or another.
func failure(_ body: () throws -> Void) -> LockstepError? {
    do {
        try body()
        Issue.record("nothing was thrown")
    } catch let error as LockstepError {
        return error
    } catch {
        Issue.record("thrown: \(error)")
    }
    return nil
}

/// A small generator with a fixed sequence, so that a failure comes back.
struct FixedRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 29)) &* 0x9E37_79B9_7F4A_7C15
    }
}

extension Dataset {
    /// One float32 field of a sample.
    func floats(_ sample: Int, field: Int = 0) throws -> [Float] {
        var values = [Float](repeating: .nan, count: fields[field].sampleByteCount / 4)
        try values.withUnsafeMutableBytes { bytes in
            try write(sample: sample, field: field, to: #require(bytes.baseAddress))
        }
        return values
    }

    /// One int32 field of a sample.
    func integers(_ sample: Int, field: Int = 0) throws -> [Int32] {
        try floats(sample, field: field).map { Int32(bitPattern: $0.bitPattern) }
    }
}
