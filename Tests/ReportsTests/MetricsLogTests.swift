import Diagnostics
import Foundation
import Reports
import Testing

@Suite struct MetricsLogTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/metrics.jsonl"
    }

    @Test func writesSortedLinesWithFullPrecision() throws {
        let log = try MetricsLog(path: path)
        try log.append(.train, step: 1, epoch: 0, values: ["loss": 0.1 + 0.2, "accuracy": 1e-300])
        try log.append(.evaluation, step: 1, epoch: 0, values: ["loss": .nan], texts: ["split": "a\"b\n"])
        try log.sync()
        #expect(
            try readText(path) == """
                {"accuracy":1e-300,"epoch":0,"kind":"train","loss":0.30000000000000004,"step":1}
                {"epoch":0,"kind":"evaluation","loss":null,"split":"a\\"b\\n","step":1}

                """)
        let error = lockstepError { try log.append(.train, step: 1, epoch: 0, values: ["step": 1]) }
        #expect(error?.code == .internalError)
    }

    @Test func doublesComeBackBitByBit() throws {
        let log = try MetricsLog(path: path)
        let values = [Double.pi, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1.0 / 3, 5, 1e22]
        for (step, value) in values.enumerated() {
            try log.append(.train, step: step, epoch: 0, values: ["loss": value])
        }
        struct Line: Decodable { var loss: Double }
        let lines = try readText(path).split(separator: "\n")
        #expect(lines.count == values.count)
        for (line, value) in zip(lines, values) {
            let back = try JSONDecoder().decode(Line.self, from: Data(line.utf8)).loss
            #expect(back.bitPattern == value.bitPattern)
        }
    }

    private func fill() throws -> [String] {
        let log = try MetricsLog(path: path)
        for step in 1...6 {
            try log.append(.train, step: step, epoch: 0, values: ["loss": Double(step)])
            // An evaluation of step 2 that ended late, while training was at 4.
            if step == 4 { try log.append(.evaluation, step: 2, epoch: 0, values: ["loss": 2]) }
        }
        return try readText(path).split(separator: "\n").map(String.init)
    }

    @Test func cutsBackToAStep() throws {
        let lines = try fill()
        #expect(try MetricsLog.cutBack(path, toStep: 6) == 0)
        #expect(try readText(path).split(separator: "\n").map(String.init) == lines)
        #expect(try MetricsLog.cutBack(path, toStep: 3) == 3)
        #expect(try readText(path).split(separator: "\n").map(String.init) == Array(lines[..<3]) + [lines[4]])
        #expect(try MetricsLog.cutBack(path, toStep: 3, evaluationStep: 1) == 1)
        #expect(try readText(path).split(separator: "\n").map(String.init) == Array(lines[..<3]))
        #expect(try MetricsLog.cutBack(path, toStep: 0) == 3)
        #expect(try readText(path).isEmpty)
        #expect(try MetricsLog.cutBack(folder.path + "/none", toStep: 3) == 0)
    }

    @Test func aResumedLogIsThatOfARunThatNeverStopped() throws {
        _ = try fill()
        let whole = try readText(path)
        try MetricsLog.cutBack(path, toStep: 4)
        let log = try MetricsLog(path: path)
        for step in 5...6 { try log.append(.train, step: step, epoch: 0, values: ["loss": Double(step)]) }
        #expect(try readText(path) == whole)
    }

    @Test func aTornLastLineIsDroppedWhereverItTore() throws {
        let lines = try fill()
        let whole = try readText(path)
        let last = try #require(lines.last)
        let before = String(whole.dropLast(last.count + 1))
        for length in 1...last.count {
            try writeText(before + last.prefix(length), to: path)
            #expect(try MetricsLog.cutBack(path, toStep: 100) == 1)
            #expect(try readText(path) == before)
        }
        try writeText(before + "\0\0\0\n", to: path)
        #expect(try MetricsLog.cutBack(path, toStep: 100) == 1)
        #expect(try readText(path) == before)
    }

    @Test func aDamagedLineInTheMiddleIsNamed() throws {
        let lines = try fill()
        for damaged in [
            "", "{}", "nonsense", "{\"kind\":\"train\",\"step\":x}", "{\"step\":99999999999999999999}",
        ] {
            let text = ([lines[0], damaged] + lines[2...]).joined(separator: "\n") + "\n"
            try writeText(text, to: path)
            let error = lockstepError { try MetricsLog.cutBack(path, toStep: 3) }
            #expect(error?.code == .badData)
            #expect(error?.location == FileLocation(path, line: 2))
            #expect(try readText(path) == text)
        }
    }

    @Test func aFolderThatIsNotThereIsAnOutputError() {
        #expect(lockstepError { _ = try MetricsLog(path: folder.path + "/a/b") }?.code == .inputOutput)
    }
}
