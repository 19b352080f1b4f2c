import Diagnostics
import Foundation

/// What a benchmark of the data pipeline measured.
public struct DataBenchmarkResult: Sendable {
    let name: String
    let sampleCount: Int
    let sampleByteCount: Int
    let isResident: Bool
    let openSeconds: Double
    let first: DataBenchmark.Rate
    let later: DataBenchmark.Rate
    let lanes: Int
    let stepMilliseconds: Double
    let waitMilliseconds: Double
    /// Memory of its own with the pipeline alone, and in training: pages of mapped files left out.
    let loaderMemory, trainingMemory: Int?
    let peakMemory: Int?

    /// The share of a step that its lanes wait for data, from 0 to 1.
    public var waitShare: Double { waitMilliseconds / stepMilliseconds }

    /// One line of JSON.
    public var json: String {
        var fields = [
            "\"recipe\": \"\(name)\"", "\"samples\": \(sampleCount)", "\"sample_bytes\": \(sampleByteCount)",
            "\"resident\": \(isResident)", "\"open_s\": \(Self.text(openSeconds, 3))",
        ]
        for (epoch, rate) in [("first", first), ("later", later)] {
            fields.append("\"\(epoch)_samples_per_s\": \(Self.text(rate.samples, 1))")
            fields.append("\"\(epoch)_mb_per_s\": \(Self.text(rate.bytes / 1e6, 2))")
            fields.append("\"\(epoch)_batches_per_s\": \(Self.text(rate.batches, 1))")
        }
        fields += [
            "\"lanes\": \(lanes)", "\"step_ms\": \(Self.text(stepMilliseconds, 4))",
            "\"wait_ms\": \(Self.text(waitMilliseconds, 5))", "\"wait_share\": \(Self.text(waitShare, 5))",
        ]
        if let loaderMemory { fields.append("\"loader_own_mb\": \(loaderMemory >> 20)") }
        if let trainingMemory { fields.append("\"training_own_mb\": \(trainingMemory >> 20)") }
        if let peakMemory { fields.append("\"peak_mb\": \(peakMemory >> 20)") }
        return "{" + fields.joined(separator: ", ") + "}"
    }

    /// The result for people.
    public var text: String {
        func line(_ epoch: String, _ rate: DataBenchmark.Rate) -> String {
            "  \(epoch): \(Self.text(rate.samples, 0)) samples, \(Self.text(rate.bytes / 1e6, 1)) MB and "
                + "\(Self.text(rate.batches, 0)) micro-batches a second from one loader"
        }
        var lines = [
            "\(name): \(sampleCount.grouped) training samples of \(sampleByteCount.grouped) bytes, "
                + (isResident ? "decoded in memory" : "decoded on demand")
                + ", opened in \(Self.text(openSeconds, 2)) seconds",
            line("first epoch", first), line("later epochs", later),
            "  a training step on \(lanes) lanes takes \(Self.text(stepMilliseconds, 3)) ms, of which a lane waits "
                + "\(Self.text(waitMilliseconds, 4)) ms for data: \(Self.text(100 * waitShare, 2)) %",
        ]
        if let loaderMemory, let trainingMemory, let peakMemory {
            lines.append(
                "  memory: \(loaderMemory >> 20) MB with the pipeline alone, \(trainingMemory >> 20) MB in training; "
                    + "at most \(peakMemory >> 20) MB with the pages of mapped files, which the system may take back"
            )
        }
        return lines.joined(separator: "\n")
    }

    private static func text(_ value: Double, _ decimals: Int) -> String {
        String(format: "%.\(decimals)f", value)
    }
}
