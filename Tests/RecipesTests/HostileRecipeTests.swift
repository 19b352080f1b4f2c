import Diagnostics
import Foundation
import Recipes
import Testing

/// Texts that are made to exhaust a reader. Each must end in a usage error, soon and without a trap.
@Suite("Hostile recipes")
struct HostileRecipeTests {
    static let aliasBomb: String = {
        var lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
        for level in 1...12 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            lines.append("a\(level): &a\(level) [\(aliases)]")
        }
        return lines.joined(separator: "\n")
    }()

    static let texts: [String: String] = [
        "alias bomb": aliasBomb,
        "alias bomb as a key": aliasBomb + "\n? *a12\n: 1\n",
        "alias bomb on a strange line break": "#\u{2028}" + aliasBomb,
        "alias of nothing": "task: *nothing\n",
        "deep flow lists": String(repeating: "[", count: 100_000),
        "deep flow maps": String(repeating: "{a: ", count: 100_000),
        "deep closed lists": String(repeating: "[", count: 300) + String(repeating: "]", count: 300),
        "many small lists": "a: [" + String(repeating: "[], ", count: 10_000) + "]",
        "deep block lists": String(repeating: "- ", count: 100_000),
        "deep explicit keys": String(repeating: "? ", count: 100_000),
        "deep explicit values": String(repeating: ": ", count: 100_000),
        "deep block maps": (0..<1_000).map { String(repeating: " ", count: $0) + "a:" }.joined(
            separator: "\n"),
        "deep within bounds": String(repeating: "- ", count: 60) + "x",
        "a list as a key": "? [a, b]\n: 1\n",
        "NUL": "task: \u{0}classification\n",
        "control characters": "task: \u{1B}[31mred\n",
        "ten megabytes of text": "name: " + String(repeating: "x", count: 10_000_000),
        "a megabyte of keys": (0..<90_000).map { "k\($0): 1" }.joined(separator: "\n"),
        "a key of a megabyte": String(repeating: "k", count: 900_000) + ": 1\n",
        "a value of a megabyte": "task: " + String(repeating: "k", count: 900_000) + "\n",
        "two documents": RecipeSamples.table + "\n---\n" + RecipeSamples.table,
        "empty": "", "only a comment": "# nothing\n", "a list": "- a\n- b\n", "a word": "word",
        "a tab": "task:\n\tclassification\n", "half a quote": "task: \"class",
        "bad escape": "task: \"\\q\"\n",
        "merge key": RecipeSamples.table + "\n<<: {seed: 1}\n", "directive": "%YAML 9.9\n---\na: 1\n",
        "percent": "%", "at": "@", "backtick": "`", "dashes": "---\n---\n", "end": "...\n", "bang": "! a\n",
        "unknown tag": "task: !weird classification\nx: !!python/object y\n",
        "byte order mark": "\u{FEFF}a: 1\n",
    ]

    @Test(arguments: texts.keys.sorted())
    func endsInAnError(name: String) throws {
        let text = try #require(Self.texts[name])
        let clock = ContinuousClock()
        var error: LockstepError?
        let time = clock.measure { error = RecipeSamples.error(text) }
        #expect(error?.code == .usage, "\(name)")
        #expect((error.map { "\($0)" } ?? "").utf8.count < 2_000, "\(name)")
        #expect(time < .seconds(20), "\(name)")
    }

    @Test(arguments: texts.keys.sorted())
    func asAnOverrideEndsInAnErrorOrIsTaken(name: String) throws {
        let text = try #require(Self.texts[name])
        do {
            _ = try RecipeSamples.parse(RecipeSamples.table, ["data.label=" + text])
        } catch {
            #expect((error as? LockstepError)?.code == .usage, "\(name)")
            #expect("\(error)".utf8.count < 2_000, "\(name)")
        }
    }

    @Test func truncationsOfARecipeNeverTrap() throws {
        let path = RecipeSamples.shippedFolder.appendingPathComponent("ag-news-pooled.yaml").path
        let whole = Array(try String(contentsOfFile: path, encoding: .utf8).utf8)
        for count in stride(from: 0, to: whole.count, by: 7) {
            let text = String(decoding: whole[..<count], as: UTF8.self)
            do { _ = try RecipeSamples.parse(text) } catch {
                #expect((error as? LockstepError)?.code == .usage)
            }
        }
    }

    @Test func randomBytesInAFileNeverTrap() throws {
        var state: UInt64 = 1
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("recipe-\(UUID()).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let alphabet = Array("abc:- []{}#&*!|>'\"%@`?,\n\n  \t\\x0~.=<$".utf8) + [0xC3, 0xFF]
        for _ in 0..<400 {
            let bytes = (0..<60).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return alphabet[Int(state >> 33) % alphabet.count]
            }
            try Data(bytes).write(to: file)
            #expect { try Recipe(contentsOf: file.path) } throws: { ($0 as? LockstepError)?.code == .usage }
        }
    }
}
