import Execution
import Graphs
import Foundation

/// What a training benchmark measured.
public struct TrainingBenchmarkResult: Sendable {
    /// The workload's name.
    public let workload: String
    /// Lanes of all ranks.
    public let lanes: Int
    /// Ranks.
    public let ranks: Int
    /// What products computed in.
    public let precision: Precision
    /// The best round, in milliseconds a step.
    public let stepMilliseconds: Double
    /// Units a second over all ranks.
    public let perSecond: Double
    /// What a unit is called.
    public let unit: String
    /// Heap allocations of ours a step; `nil` where they cannot be counted.
    public let allocationsPerStep: Double?
    /// Heap allocations inside oneDNN a step.
    public let libraryAllocationsPerStep: Double?
    /// The greatest resident memory of this process so far, in bytes; `nil` where the system does not tell.
    public let peakMemory: Int?
    /// `nil` where it was not measured.
    let floor: StepFloor?

    /// One line of JSON in the form of the peers' scripts.
    public var json: String {
        var fields = [
            "\"peer\": \"lockstep\"", "\"workload\": \"\(workload)\"", "\"ranks\": \(ranks)",
            "\"lanes\": \(lanes)", "\"precision\": \"\(precision.rawValue)\"",
            "\"step_ms\": \(rounded(stepMilliseconds, 4))", "\"per_s\": \(rounded(perSecond, 1))",
            "\"unit\": \"\(unit)\"",
        ]
        if let floor {
            fields.append("\"floor_ms\": \(rounded(floor.total, 4))")
            fields.append("\"over_floor\": \(rounded(stepMilliseconds / floor.total, 3))")
        }
        if let allocationsPerStep, let libraryAllocationsPerStep {
            fields.append("\"allocations_per_step\": \(rounded(allocationsPerStep, 3))")
            fields.append("\"onednn_allocations_per_step\": \(rounded(libraryAllocationsPerStep, 3))")
        }
        if let peakMemory { fields.append("\"peak_mb\": \(peakMemory >> 20)") }
        return "{" + fields.joined(separator: ", ") + "}"
    }

    /// The result for people.
    public var text: String {
        var lines = [
            "\(workload), \(precision.rawValue), \(ranks) ranks, \(lanes) lanes: \(rounded(stepMilliseconds, 4)) ms "
                + "a step, \(rounded(perSecond, 1)) \(unit) a second"
        ]
        if let floor {
            lines.append(
                "  the plan's floor: \(rounded(floor.total, 4)) ms (arithmetic alone \(rounded(floor.arithmetic, 4)), "
                    + "memory \(rounded(floor.traffic, 4)), update \(rounded(floor.update, 4))); "
                    + "the step takes \(rounded(stepMilliseconds / floor.total, 2)) of it")
        }
        if let allocationsPerStep, let libraryAllocationsPerStep {
            lines.append(
                "  heap allocations a step: \(rounded(allocationsPerStep, 3)) ours, "
                    + "\(rounded(libraryAllocationsPerStep, 3)) in oneDNN")
        }
        if let peakMemory { lines.append("  peak memory: \(peakMemory >> 20) MB") }
        return lines.joined(separator: "\n")
    }

    /// A table of the operations, longest first: time, calls, share, and the rates reached against this machine's.
    public var profile: String {
        guard let floor else { return "" }
        let (limits, timings) = (floor.limits, floor.timings)
        var lines = [
            "oneDNN reaches \(rate(limits.productRate)) GFLOP/s in float32"
                + (limits.narrowProductRate.map { ", \(rate($0)) in bfloat16" } ?? "")
                + "; a copy of memory \(rate(limits.copyRate)) GB/s",
            "      ms  share  calls   GFLOP/s    GB/s  operation",
        ]
        let total = timings.reduce(0) { $0 + $1.nanoseconds }
        let groups = Dictionary(grouping: timings, by: \.label).map { label, all in
            (label: label, all: all, time: all.reduce(0) { $0 + $1.nanoseconds })
        }
        for group in groups.sorted(by: { ($0.time, $1.label) > ($1.time, $0.label) }) {
            let flops = Double(group.all.reduce(0) { $0 + $1.cost.flops })
            let bytes = Double(group.all.reduce(0) { $0 + $1.cost.byteCount })
            lines.append(
                String(
                    format: "%8.3f  %4.1f%%  %5d  %8.1f  ", group.time / 1e6, 100 * group.time / total,
                    group.all.count, flops / group.time)
                    + String(format: "%6.1f  ", bytes / group.time) + group.label)
        }
        lines.append(
            "the program alone \(rounded(total / 1e6, 4)) ms; sum of gradients, update and waiting "
                + "\(rounded(max(0, stepMilliseconds - total / 1e6), 4)) ms")
        return lines.joined(separator: "\n")
    }

    private func rate(_ perSecond: Double) -> Int { Int((perSecond / 1e9).rounded()) }

    private func rounded(_ value: Double, _ places: Int) -> Double {
        let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
        return (value * factor).rounded() / factor
    }
}

/// The greatest resident memory of this process.
enum PeakMemory {
    /// Bytes; `nil` where /proc does not tell.
    static var byteCount: Int? { status("VmHWM:") }

    /// Bytes of resident memory now that no file stands behind: pages of mapped files can be taken back at any time.
    static var ownByteCount: Int? { status("RssAnon:") }

    private static func status(_ name: String) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }),
            let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { return nil }
        return kilobytes << 10
    }
}
