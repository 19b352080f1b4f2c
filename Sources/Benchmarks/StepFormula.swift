import DataParallel
import Foundation

/// The closed form beside ``StepSimulation``, for gradients that travel as they are: no chunks, no cost of the processor.
/// It is never more than the simulation, and the same for a single bucket that divides evenly.
public struct StepFormula: Sendable {
    private let simulation: StepSimulation

    /// The formula for the same inputs.
    public init(_ simulation: StepSimulation) { self.simulation = simulation }

    /// Seconds of a step: max(b, r_K + T(m_K), r_1 + Σ T(m_k)) + T_reports + u, with backward b, update u, buckets of m_k
    /// bytes ready at r_k, and T the time of an exchange.
    public var step: Double {
        let (timeline, cluster, link) = (simulation.timeline, simulation.cluster, simulation.link)
        guard cluster.nodes > 1, let first = timeline.buckets.first, let last = timeline.buckets.last else {
            return timeline.step
        }
        let all = timeline.buckets.reduce(0) { $0 + exchange($1.elementCount * 4) }
        let start = simulation.overlaps ? (first.ready, last.ready) : (timeline.backward, timeline.backward)
        let reports = BucketExchange.reports(in: cluster).seconds(link)
        return max(timeline.backward, start.1 + exchange(last.elementCount * 4), start.0 + all) + reports
            + timeline.update
    }

    /// No step is shorter: what a node computes, or what it sends at the link's bandwidth.
    public var bound: Double {
        let outcome = simulation.run()
        return max(simulation.timeline.step, Double(outcome.sentByteCount) / simulation.link.bytesPerSecond)
    }

    /// T(m) of n nodes with s sums each (Thakur, Rabenseifner and Gropp 2005), where γ is the time to read or write a byte:
    /// halving and doubling 2 log₂ n α + (n − 1)/n · m · (2 β + 3 γ), scatter and gather
    /// (s + 1)(n − 1)(α + m/n · β) + (s + 1/n) m γ.
    package func exchange(_ byteCount: Int) -> Double {
        let (cluster, link) = (simulation.cluster, simulation.link)
        let (n, s, m) = (Double(cluster.nodes), Double(cluster.subtrees), Double(byteCount))
        let gamma = 1 / simulation.timeline.memoryBytesPerSecond
        let lanes = cluster.lanes > cluster.subtrees ? Double(cluster.lanes + 1) * m * gamma : 0
        func message(_ share: Double) -> Double { link.seconds(Int(share)) }
        switch cluster.scheme {
        case .gather: return message(m) + lanes
        case .halving:
            let parts = (1...Int(log2(n).rounded())).map { m / pow(2, Double($0)) }
            return parts.reduce(lanes) { $0 + 2 * message($1) + 3 * $1 * gamma }
        case .scatter: return (s + 1) * (n - 1) * message(m / n) + (s + 1 / n) * m * gamma + lanes
        }
    }
}
