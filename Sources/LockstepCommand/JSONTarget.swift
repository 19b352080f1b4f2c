import ArgumentParser
import Diagnostics
import Foundation

/// Where a command writes its result as JSON: `--json FILE`, or `--json -` for standard output instead of the text for
/// people. `--json` alone is `--json -`.
enum JSONTarget {
    static let standardOutput = "-"
    static let help: ArgumentHelp =
        "Write the result as JSON into this file; - for standard output, without the text."

    /// The commands whose `--json` takes a file; that of others is a flag.
    private static let commands: Set<String> = ["evaluate", "compare", "sweep"]

    /// Words with `-` put behind a `--json` that nothing follows but the end or another option.
    static func complete(_ words: [String]) -> [String] {
        guard let command = words.first, commands.contains(command) else { return words }
        return words.enumerated().flatMap { index, word -> [String] in
            guard word == "--json" else { return [word] }
            let next = index + 1 < words.count ? words[index + 1] : nil
            return next == nil || next?.hasPrefix("--") == true ? ["--json=-"] : [word]
        }
    }

    /// Writes where the user wants it; nowhere without a target.
    /// - Throws: 74 where the file cannot be written.
    static func write(_ bytes: [UInt8], to target: String?) throws {
        guard let target else { return }
        if target == standardOutput { return FileHandle.standardOutput.write(Data(bytes)) }
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: target), options: .atomic)
        } catch {
            throw LockstepError(
                .inputOutput, "cannot write the result", at: FileLocation(target),
                remedy: "check the folder and the space left", cause: error)
        }
    }
}
