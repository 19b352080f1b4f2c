/// What a benchmark of the exchange between nodes measured.
public struct ExchangeBenchmarkResult: Sendable {
    /// One way to exchange.
    public struct Line: Sendable {
        /// The way.
        public let way: ExchangeBenchmark.Way
        /// Seconds of a step, measured.
        public let step: Double
        /// What the simulation predicts from the parts.
        public let predicted: StepSimulation.Outcome
        /// Seconds below which no step with these bytes can be: the greater of computing and sending.
        public let bound: Double
    }

    /// The workload's name.
    public let workload: String
    /// Ranks.
    public let ranks: Int
    /// Nodes.
    public let nodes: Int
    /// The links between nodes.
    public let link: NetworkLink
    /// Seconds of a step that each rank trains by itself, all at once.
    public let compute: Double
    /// Seconds of the exchange and sum of all gradients by themselves.
    public let exchange: Double
    /// All ways.
    public let lines: [Line]

    /// Lines of JSON.
    public var json: [String] {
        let head =
            "{\"peer\": \"lockstep\", \"workload\": \"\(workload)\", \"ranks\": \(ranks), \"nodes\": \(nodes), "
        return [
            head + "\"startup_us\": \(Figures.rounded(link.startup * 1e6, 1)), "
                + "\"long_startup_us\": \(Figures.rounded(link.longStartup * 1e6, 1)), "
                + "\"mbit_per_s\": \(Figures.rounded(link.bytesPerSecond * 8e-6, 1)), "
                + "\"processor_us_per_mb\": \(Figures.rounded(link.processorSecondsPerByte * 1e12, 1)), "
                + "\"compute_ms\": \(Figures.milliseconds(compute)), "
                + "\"exchange_ms\": \(Figures.milliseconds(exchange))}"
        ]
            + lines.map { line in
                head
                    + "\"exchange\": \"\(line.way.rawValue)\", \"step_ms\": \(Figures.milliseconds(line.step)), "
                    + "\"predicted_ms\": \(Figures.milliseconds(line.predicted.step)), "
                    + "\"bound_ms\": \(Figures.milliseconds(line.bound)), "
                    + "\"over_bound\": \(Figures.rounded(line.step / line.bound, 3)), "
                    + "\"sent_mb\": \(Figures.rounded(Double(line.predicted.sentByteCount) / 1e6, 3))}"
            }
    }

    /// The result for people.
    public var text: String {
        func shown(_ seconds: Double) -> String { "\(Figures.rounded(seconds * 1e3, 3)) ms" }
        return
            ([
                "\(workload), \(ranks) ranks on \(nodes) nodes",
                "  link: \(Figures.rounded(link.bytesPerSecond * 8e-6, 0)) Mbit/s, a short message "
                    + "\(Figures.rounded(link.startup * 1e6, 0)) us, the start of a long one "
                    + "\(Figures.rounded(link.longStartup * 1e6, 0)) us, "
                    + "\(Figures.rounded(link.processorSecondsPerByte * 1e12, 0)) us of a processor a megabyte",
                "  a rank alone: \(shown(compute)) a step; the exchange alone: \(shown(exchange))",
            ]
            + lines.map { line in
                "  \(line.way.rawValue): \(shown(line.step)) a step, \(Figures.rounded(line.step / line.bound, 2)) of "
                    + "the bound of \(shown(line.bound)); predicted \(shown(line.predicted.step))"
            }).joined(separator: "\n")
    }
}
