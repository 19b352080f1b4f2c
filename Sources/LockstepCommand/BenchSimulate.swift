import ArgumentParser
import Benchmarks
import Foundation
import Graphs
import Reports

/// `lockstep bench simulate`.
struct BenchSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract:
            "Predict the time of a step on many nodes from one node's, measured now, and the network's.",
        discussion: """
            lockstep bench simulate --workload gpt --nodes 8,64,1024 --bandwidth 1gbit,10gbit --latency 50us

            It times the workload on this machine, and lets simulated nodes of that speed exchange the real buckets \
            in the real order. 'bench exchange' compares such predictions with a real network. The formula is \
            explained in Sources/DataParallel/DataParallel.docc.
            """)

    @Option(help: "The workload: \(Workload.all.map(\.name).joined(separator: ", ")).") var workload = "gpt"
    @Option(help: "Numbers of nodes, with commas between them.") var nodes =
        "1,2,4,8,16,32,64,128,256,512,1024"
    @Option(help: "Lanes of each node.") var lanes = 1
    @Option(help: "float32 or bfloat16.") var precision = Precision.float32
    @Option(help: "What the wire carries in each direction, with commas between them.") var bandwidth =
        "1gbit"
    @Option(help: "The time from one node to another.") var latency = "50us"
    @Option(help: "Microseconds of a processor that a megabyte takes, as 'bench exchange' measures them.")
    var processorUsPerMb = 0.0
    @Option(
        help: "How gradients are packed: \(CompressionRule.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var compression = CompressionRule.none
    @Option(
        help:
            "Milliseconds of a step of one node, instead of measuring how long (not when buckets are ready).")
    var computeMs: Double?
    @Option(help: "Megabytes after which a bucket ends, instead of training's 4.") var bucketMegabytes:
        Double?
    @Flag(help: "Exchange after backward, not while it goes on.") var noOverlap = false
    @Flag(help: "Print a line of JSON for each number of nodes.") var json = false

    func validate() throws {
        try Bounds.check("--lanes", lanes)
        if let computeMs, !(computeMs > 0 && computeMs.isFinite) {
            throw ValidationError("--compute-ms must be above 0, is \(computeMs)")
        }
        if let bucketMegabytes, !(bucketMegabytes > 0 && bucketMegabytes <= 1e6) {
            throw ValidationError(
                "--bucket-megabytes must be above 0 and at most a million, is \(bucketMegabytes)")
        }
        for count in try counts() where count * lanes > Bounds.most {
            throw ValidationError("\(count) nodes of \(lanes) lanes are more than \(Bounds.most) lanes")
        }
        if !(processorUsPerMb >= 0 && processorUsPerMb.isFinite) {
            throw ValidationError("--processor-us-per-mb must be 0 or more, is \(processorUsPerMb)")
        }
    }

    private var bandwidths: [String] {
        bandwidth.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private func counts() throws -> [Int] {
        try nodes.split(separator: ",", omittingEmptySubsequences: false).map { word in
            guard let value = Int(word), (1...4096).contains(value) else {
                throw ValidationError(
                    "--nodes takes numbers from 1 to 4096, for instance 8,64; '\(word)' is none")
            }
            return value
        }
    }

    func run() throws {
        let benchmark = SimulationBenchmark(
            try Workload.named(workload), lanes: lanes, precision: precision, nodes: try counts(),
            bandwidths: bandwidths, latency: latency, compression: compression, overlaps: !noOverlap,
            computeMilliseconds: computeMs, processorSecondsPerByte: processorUsPerMb * 1e-12,
            bucketByteCount: bucketMegabytes.map { max(1, Int($0 * 1e6)) })
        let lines = try benchmark.run()
        if json { return lines.forEach { say($0.json) } }
        say("\(workload), \(lanes) lanes a node, latency \(latency), compression \(compression.rawValue):")
        say(Self.table(lines))
    }

    private static func table(_ lines: [SimulationBenchmark.Line]) -> String {
        var table = TextTable([
            ("bandwidth", .left), ("nodes", .right), ("ms a step", .right), ("efficiency", .right),
            ("exchange ms", .right), ("MB sent", .right), ("formula ms", .right),
        ])
        for line in lines {
            table.add([
                line.bandwidth, "\(line.nodes)", text(line.outcome.step * 1e3), text(line.efficiency),
                text(line.outcome.exchange * 1e3), text(Double(line.outcome.sentByteCount) / 1e6),
                line.formula.map { text($0 * 1e3) } ?? "",
            ])
        }
        return String(table.text.dropLast())
    }

    private static func text(_ value: Double) -> String { String(format: "%.3f", value) }
}

extension CompressionRule: ExpressibleByArgument {}
