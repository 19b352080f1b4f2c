import Diagnostics
import Execution
import Graphs

/// Predicts the time of a step on many nodes from what one node computes, measured here and now, and from links of a given
/// latency and bandwidth.
public struct SimulationBenchmark: Sendable {
    /// The prediction for one number of nodes and one bandwidth.
    public struct Line: Sendable {
        /// The workload's name.
        public let workload: String
        /// Nodes.
        public let nodes: Int
        /// Lanes of each.
        public let lanes: Int
        /// The bandwidth as it was asked for.
        public let bandwidth: String
        /// The rule of compression.
        public let compression: CompressionRule
        /// What came out.
        public let outcome: StepSimulation.Outcome
        /// Seconds of a step of one node alone.
        public let alone: Double
        /// Seconds by the closed formula; `nil` with compression.
        public let formula: Double?

        /// The share of one node's speed, a node, that is left.
        public var efficiency: Double { alone / outcome.step }

        /// One line of JSON.
        public var json: String {
            var fields = [
                "\"peer\": \"lockstep\"", "\"workload\": \"\(workload)\"", "\"nodes\": \(nodes)",
                "\"lanes\": \(lanes)", "\"bandwidth\": \"\(bandwidth)\"",
                "\"compression\": \"\(compression.rawValue)\"",
                "\"compute_ms\": \(Figures.milliseconds(alone))",
                "\"step_ms\": \(Figures.milliseconds(outcome.step))",
                "\"exchange_ms\": \(Figures.milliseconds(outcome.exchange))",
                "\"sent_mb\": \(Figures.rounded(Double(outcome.sentByteCount) / 1e6, 3))",
                "\"efficiency\": \(Figures.rounded(efficiency, 4))",
            ]
            if let formula { fields.append("\"formula_ms\": \(Figures.milliseconds(formula))") }
            return "{" + fields.joined(separator: ", ") + "}"
        }
    }

    /// What a node trains.
    public let workload: Workload
    /// Lanes of each node.
    public let lanes: Int
    /// What products compute in.
    public let precision: Precision
    /// Numbers of nodes.
    public let nodes: [Int]
    /// Bandwidths, as ``NetworkLink`` reads them.
    public let bandwidths: [String]
    /// The way from one node to another, as ``NetworkLink`` reads it.
    public let latency: String
    /// How gradients are packed.
    public let compression: CompressionRule
    /// Whether buckets travel while backward goes on.
    public let overlaps: Bool
    /// Milliseconds of a step of one node, instead of what is measured.
    public let computeMilliseconds: Double?
    /// See ``NetworkLink/processorSecondsPerByte``.
    public let processorSecondsPerByte: Double
    /// Bytes after which a bucket ends; `nil` for the usual ones.
    public let bucketByteCount: Int?

    /// Creates a benchmark.
    public init(
        _ workload: Workload, lanes: Int = 1, precision: Precision = .float32, nodes: [Int],
        bandwidths: [String], latency: String, compression: CompressionRule = .none, overlaps: Bool = true,
        computeMilliseconds: Double? = nil, processorSecondsPerByte: Double = 0,
        bucketByteCount: Int? = nil
    ) {
        self.workload = workload
        self.lanes = lanes
        self.precision = precision
        self.nodes = nodes
        self.bandwidths = bandwidths
        self.latency = latency
        self.compression = compression
        self.overlaps = overlaps
        self.computeMilliseconds = computeMilliseconds
        self.processorSecondsPerByte = processorSecondsPerByte
        self.bucketByteCount = bucketByteCount
    }

    /// Measures one node and predicts.
    /// - Returns: a line for each bandwidth and number of nodes.
    public func run() throws -> [Line] {
        let links = try bandwidths.map { word in
            let link = try NetworkLink(
                bandwidth: word, latency: latency, processorSecondsPerByte: processorSecondsPerByte)
            return (word, link)
        }
        let clusters = try nodes.map { try ClusterShape(nodes: $0, lanes: lanes) }
        let alone = try StepAlone(workload, lanes: lanes, precision: precision)
        var timeline = try alone.timeline(
            stepSeconds: try alone.bestSeconds(rounds: 3), compression: compression,
            memoryBytesPerSecond: try MachineLimits.measure().copyRate, bucketByteCount: bucketByteCount)
        if let computeMilliseconds { timeline = timeline.scaled(toStep: computeMilliseconds / 1e3) }
        return links.flatMap { bandwidth, link in
            clusters.map { cluster in
                let simulation = StepSimulation(timeline, cluster: cluster, link: link, overlaps: overlaps)
                return Line(
                    workload: workload.name, nodes: cluster.nodes, lanes: lanes, bandwidth: bandwidth,
                    compression: compression, outcome: simulation.run(), alone: timeline.step,
                    formula: compression == .none ? StepFormula(simulation).step : nil)
            }
        }
    }
}

/// Numbers as results show them.
enum Figures {
    static func rounded(_ value: Double, _ places: Int) -> Double {
        let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
        return (value * factor).rounded() / factor
    }

    static func milliseconds(_ seconds: Double) -> Double { rounded(seconds * 1e3, 4) }
}
