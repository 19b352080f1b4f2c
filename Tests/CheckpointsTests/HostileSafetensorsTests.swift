import Checkpoints
import Diagnostics
import Foundation
import Testing

/// Row 18 of the fault matrix: a typed error in under a second, never a trap.
@Suite struct HostileSafetensorsTests {
    private static func file(_ json: String, data: Int = 0, length: UInt64? = nil) -> [UInt8] {
        let length = length ?? UInt64(json.utf8.count)
        return withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array(json.utf8)
            + [UInt8](repeating: 0, count: data)
    }

    private static func entry(
        _ name: String, _ begin: String, _ end: String, shape: String = "[4]", type: String = "U8"
    ) -> String {
        "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
    }

    static let cases: [(bytes: [UInt8], named: String)] = [
        ([], "0 bytes"), ([1, 2, 3], "3 bytes"),
        (file("{}", length: 100_000_001), "limit"), (file("{}", length: .max), "limit"),
        (file("{}", length: 1 << 63), "limit"), (file("{}", length: 3), "ends"),
        (file("{\(entry("a", "0", "4")),\(entry("b", "2", "6"))}", data: 6), "'b' overlaps tensor 'a'"),
        (file("{\(entry("a", "0", "4")),\(entry("b", "5", "9"))}", data: 9), "1 bytes before tensor 'b'"),
        (file("{\(entry("a", "0", "4"))}", data: 3), "'a' ends at byte 4 of 3"),
        (file("{\(entry("a", "0", "4"))}", data: 5), "last 1 bytes"),
        (file("{\(entry("a", "4", "0"))}", data: 4), "'a'"),
        (file("{\(entry("a", "0", "99999999999999999999"))}", data: 4), "'a': a number is too large"),
        (file("{\(entry("a", "-1", "4"))}", data: 4), "'a'"),
        (file("{\(entry("a", "0", "4", shape: "[5]"))}", data: 4), "needs 5 bytes and has 4"),
        (
            file("{\(entry("a", "0", "4", shape: "[4294967296,4294967296]"))}", data: 4),
            "more bytes than can be"
        ),
        (file("{\(entry("a", "0", "4", shape: "[9223372036854775807,2,0]"))}", data: 4), "'a'"),
        (file("{\(entry("a", "0", "4", type: "F7"))}", data: 4), "'a': the type 'F7'"),
        (file("{\(entry("a", "0", "4")),\(entry("a", "0", "4"))}", data: 4), "'a' comes twice"),
        (file("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}"), "'dtype' is unknown or comes twice"),
        (file("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), "'k' comes twice"),
        (file("{\"a\":{}}"), "missing"), (file("{\"a\":[]}"), "missing"), (file("{\"a\":null}"), "missing"),
        (file("[]"), "begin"), (file(""), "begin"), (file(" {}"), "begin"), (file("{}{}"), "more text"),
        (file("{\"a"), "does not end"), (file("{\"\\ud800\":{}}"), "surrogate"),
        (file("{\"\\u+123\":1}"), "digits"),
        (file("{\"a\\"), "does not end"), (file("{\"a\u{1}\":1}"), "control"),
        (file(String(repeating: "{\"a\":", count: 100_000)), "unknown"),
        (file(String(repeating: "[", count: 100_000)), "begin"),
        (file("{\"a\":{\"shape\":" + String(repeating: "[", count: 100_000)), "'a'"),
        (file("{\"\(String(repeating: "x", count: 1_000_000))\":1}"), "longer than 4096"),
        (
            file(
                "{" + (0...50_000).map { entry("t\($0)", "0", "0", shape: "[0]") }.joined(separator: ",")
                    + "}"),
            "more than 50000 tensors"
        ),
        (file("{\"a\":{\"shape\":[" + String(repeating: "1,", count: 1_000_000)), "more than 32 numbers"),
    ]

    @Test func everyFaultIsATypedErrorSoon() throws {
        let folder = try TemporaryFolder()
        for (index, hostile) in Self.cases.enumerated() {
            let path = try folder.write(hostile.bytes, to: "hostile")
            let start = ContinuousClock.now
            let error = lockstepError { _ = try SafetensorsFile(path: path) }
            let note = Comment(rawValue: "case \(index): \(error.map(\.message) ?? "no error")")
            #expect(start.duration(to: .now) < .seconds(1), note)
            #expect(error?.code == .badData, note)
            #expect(error?.location?.file == path, note)
            #expect(error?.message.contains(hostile.named) == true, note)
        }
    }

    @Test func missingFilesAndFoldersAreInputErrors() throws {
        let folder = try TemporaryFolder()
        #expect(lockstepError { _ = try SafetensorsFile(path: folder.path + "/none") }?.code == .inputOutput)
        #expect(lockstepError { _ = try SafetensorsFile(path: folder.path) }?.code == .inputOutput)
    }

    @Test func randomFlipsNeverTrap() throws {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/interop.safetensors").path
        let original = try readFile(source)
        let folder = try TemporaryFolder()
        var generator = SeededGenerator(state: 18)
        var errorCount = 0
        for _ in 0..<3_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let header = Int.random(in: 0..<700, using: &generator)
                let place =
                    Bool.random(using: &generator) ? header : bytes.indices.randomElement(using: &generator)
                bytes[min(place ?? 0, bytes.count - 1)] = UInt8.random(in: 0...255, using: &generator)
            }
            if Int.random(in: 0..<8, using: &generator) == 0 {
                bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
            }
            let path = try folder.write(bytes, to: "fuzzed")
            do {
                let file = try SafetensorsFile(path: path)
                for entry in file.entries {
                    try file.withBytes(of: entry.name) { #expect($0.count == entry.byteRange.count) }
                }
            } catch {
                errorCount += 1
                #expect((error as? LockstepError)?.code == .badData)
            }
        }
        #expect(errorCount > 1_000 && errorCount < 3_000)
    }

    @Test func whatCannotBeWrittenIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/new"
        let twice = [NamedTensor("a", shape: [1], values: [1]), NamedTensor("a", shape: [1], values: [1])]
        #expect(lockstepError { try SafetensorsWriter.write(twice, to: path) }?.code == .internalError)
        let misfit = [NamedTensor("a", shape: [2], values: [1])]
        #expect(lockstepError { try SafetensorsWriter.write(misfit, to: path) }?.code == .internalError)
        try SafetensorsWriter.write([], to: path)
        #expect(try SafetensorsFile(path: path).entries.isEmpty)
        #expect(lockstepError { try SafetensorsWriter.write([], to: path) }?.code == .inputOutput)
    }
}
