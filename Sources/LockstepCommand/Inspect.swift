import ArgumentParser
import Checkpoints
import Diagnostics
import Foundation

/// `lockstep inspect`.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a run or a checkpoint holds; --hash prints the final hash alone.")

    @Argument(help: "A run's folder (its last checkpoint), or a checkpoint's.") var path: String
    @Flag(help: "Print the SHA-256 of parameters, optimizer state, random state and data cursor.") var hash =
        false

    func run() throws {
        let search = try CheckpointReader.open(path, prefersBest: false)
        search.warnings.forEach { note("warning: " + $0) }
        let checkpoint = search.checkpoint
        let digest = try FinalHash.of(checkpoint)
        if hash { return say(digest) }
        describe(checkpoint, digest)
    }

    private func describe(_ checkpoint: LoadedCheckpoint, _ digest: String) {
        let state = checkpoint.state
        say("checkpoint      \(checkpoint.path)")
        say("step            \(state.step) (epoch \(state.epoch), \(state.samplesSeen) samples seen)")
        say("logical shards  \(state.logicalShards)")
        say("seed            \(state.seed)")
        if let best = state.bestStep, let value = state.bestValue, let name = state.metricName {
            say("best            step \(best), \(name) \(value)")
        }
        say("seconds         \(String(format: "%.1f", checkpoint.manifest.wallSeconds))")
        for (name, version) in checkpoint.manifest.libraryVersions.sorted(by: { $0.key < $1.key }) {
            say("made with       \(name) \(version)")
        }
        if let base = checkpoint.manifest.base {
            say("adapters of     \(base.path) (SHA-256 \(base.sha256))")
        }
        say("hash            \(digest)")
        for (title, file) in [("model", checkpoint.model), ("optimizer", checkpoint.optimizer)] {
            let total = file.entries.reduce(0) { $0 + $1.elementCount }
            say("\n\(title): \(file.entries.count) tensors, \(total) elements")
            for entry in file.entries.sorted(by: { $0.name < $1.name }) {
                say("  \(entry.name)  \(entry.elementType.rawValue) \(entry.shape)")
            }
        }
    }
}
