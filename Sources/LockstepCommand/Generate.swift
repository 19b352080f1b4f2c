import ArgumentParser
import Diagnostics
import Foundation
import Inference

/// `lockstep generate`.
struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let a trained language model go on with a text.",
        discussion: """
            lockstep generate RUN --prompt "ROMEO:" --tokens 300 --temperature 0.8 --top-k 40
            lockstep generate RUN --prompt "ROMEO:" --temperature 0      always the likeliest token
            lockstep generate RUN --prompt "ROMEO:" --stop "\\n\\n" --json   one line of JSON with text and speed

            The same seed gives the same text. When the model's context is full, its older half is forgotten.
            """)

    @Argument(help: "A run's folder, or a checkpoint's.", completion: .directory) var path: String
    @Option(
        help: "Of a run with model.adapters: where the run or file that they were trained on lies now.",
        completion: .directory)
    var base: String?
    @Option(help: "The text to go on with; \\n in it is a new line.") var prompt = "\\n"
    @Option(help: "The most tokens to add.") var tokens = 200
    @Option(help: "Below 1 likely tokens get likelier; 0 takes the likeliest.") var temperature = 1.0
    @Option(help: "Choose among so many of the likeliest tokens.") var topK: Int?
    @Option(help: "Choose among the likeliest tokens that together reach this probability.") var topP: Double?
    @Option(help: "The seed of the draws.") var seed: UInt64 = 0
    @Option(help: "End before this text; may be given several times.") var stop: [String] = []
    @Flag(help: "Print one line of JSON instead of the text as it comes.") var json = false

    func validate() throws {
        if !(1...1_000_000_000).contains(tokens) {
            throw ValidationError("--tokens must be from 1 to 1000000000, is \(tokens)")
        }
    }

    func run() throws {
        let sampler = try TokenSampler(temperature: temperature, topK: topK, topP: topP, seed: seed)
        let model = try TrainedModel(path, base: base)
        model.warnings.forEach { note("warning: " + $0) }
        let generator = try model.textGenerator()
        let options = GenerationOptions(
            sampler: sampler, maximumTokens: tokens, stops: stop.map(Self.unescaped),
            endTokens: model.endTokens)
        let start = ContinuousClock.now
        let prompt = Self.unescaped(prompt)
        if !json { FileHandle.standardOutput.write(Data(prompt.utf8)) }
        let made = try generator.generate(prompt, options) { text in
            if !json { FileHandle.standardOutput.write(Data(text.utf8)) }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        guard json else { return say("") }
        let line = GeneratedLine(
            text: made.text, promptTokens: made.promptTokens, tokens: made.tokens, end: made.end.rawValue,
            seconds: seconds, tokensPerSecond: Double(made.tokens) / max(seconds, 1e-9))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        say(String(decoding: try encoder.encode(line), as: UTF8.self))
    }

    /// `\n` and `\t` as shells pass them on.
    private static func unescaped(_ text: String) -> String {
        text.replacingOccurrences(of: "\\n", with: "\n").replacingOccurrences(of: "\\t", with: "\t")
    }
}

/// What `generate --json` prints.
private struct GeneratedLine: Encodable {
    let text: String
    let promptTokens: Int
    let tokens: Int
    let end: String
    let seconds: Double
    let tokensPerSecond: Double
}
