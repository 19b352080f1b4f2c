import ArgumentParser
import Diagnostics
import Foundation
import Inference
import Supervision

/// `lockstep translate`.
struct Translate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Translate lines of text with a trained model.",
        discussion: """
            lockstep translate RUN news.en > news.de       a line for each line
            echo "Two dogs play." | lockstep translate RUN --beams 5
            lockstep translate RUN news.en --best 3 --json   a line of JSON for each line, with scores
            """)

    @Argument(help: "A run's folder, or a checkpoint's.", completion: .directory) var path: String
    @Argument(help: "The file to translate; - for standard input.", completion: .file()) var file = "-"
    @Option(
        help: "Of a run with model.adapters: where the run or file that they were trained on lies now.",
        completion: .directory)
    var base: String?
    @Option(help: "Beginnings of a translation that are kept side by side; 1 is greedy.") var beams = 4
    @Option(help: "How much long translations are preferred; 0: by probability alone.") var lengthPenalty =
        0.6
    @Option(help: "How many translations of a line to print, with --json.") var best = 1
    @Flag(help: "Print a line of JSON for each line: its translations with their scores.") var json = false

    func validate() throws {
        if best > 1, !json { throw ValidationError("--best needs --json, which keeps lines apart") }
    }

    func run() throws {
        let search = try BeamSearch(beams: beams, lengthPenalty: lengthPenalty, best: best)
        let model = try TrainedModel(path, base: base)
        model.warnings.forEach { note("warning: " + $0) }
        let translator = try Translator(model)
        let lines = try Self.lines(of: file)
        let threads = CPUBudget.current().usableCPUs
        // A file of any length is translated piece by piece.
        for start in stride(from: 0, to: lines.count, by: 4096) {
            let piece = Array(lines[start..<min(lines.count, start + 4096)])
            for (line, found) in zip(piece, try translator.translate(piece, search, threads: threads)) {
                say(json ? try Self.json(line, found) : found.first?.text ?? "")
            }
        }
    }

    private static func json(_ line: String, _ found: [Translator.Translation]) throws -> String {
        struct Line: Encodable {
            let source: String
            let translations: [Translator.Translation]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(
            decoding: try encoder.encode(Line(source: line, translations: found)), as: UTF8.self)
    }

    /// The lines of a file; the end of the last one may lack.
    private static func lines(of file: String) throws -> [String] {
        let bytes: Data
        do {
            bytes =
                file == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data()
                : try Data(contentsOf: URL(fileURLWithPath: file))
        } catch {
            throw LockstepError(
                .badData, "cannot read the text to translate", at: FileLocation(file),
                remedy: "check the path", cause: error)
        }
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
