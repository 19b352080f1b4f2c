import Diagnostics
import Foundation

/// A folder of its own for a test, removed when the test lets go of it.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "lockstep-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

func readText(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

func writeText(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

/// The error that `body` throws; `nil` where it throws none.
func lockstepError(_ body: () throws -> Void) -> LockstepError? {
    do {
        try body()
        return nil
    } catch { return LockstepError.wrapping(error) }
}
