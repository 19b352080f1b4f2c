import DataPipeline
import Diagnostics
import Foundation
import Recipes
import Scenarios

/// A folder of its own for a test, removed when the test lets go of it.
final class Folder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/scenarios-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, its folder as well.
    @discardableResult
    func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let url = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return url.path
    }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }

    /// A recipe whose paths count from the folder.
    func recipe(_ text: String, _ overrides: [String] = []) throws -> Recipe {
        try Recipe(
            text: text, file: path + "/test.yaml", overrides: overrides, environment: [:],
            currentFolder: path)
    }
}

extension Dataset {
    /// The int32 elements of a field of a sample.
    func integers(_ sample: Int, field: Int, epoch: Int = 0) throws -> [Int32] {
        let count = fields[field].sampleByteCount / 4
        return try [Int32](unsafeUninitializedCapacity: count) { buffer, filled in
            try write(
                sample: sample, field: field, epoch: epoch, to: UnsafeMutableRawPointer(buffer.baseAddress!))
            filled = count
        }
    }

    /// The float32 elements of a field of a sample.
    func floats(_ sample: Int, field: Int, epoch: Int = 0) throws -> [Float] {
        try integers(sample, field: field, epoch: epoch).map { Float(bitPattern: UInt32(bitPattern: $0)) }
    }
}
