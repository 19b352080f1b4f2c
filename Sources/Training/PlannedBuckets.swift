import DataPipeline
import Diagnostics
import Execution
import Foundation
import Graphs

/// The plans of a recipe whose batches hold samples of like length, one a length: programs of a lane run one after the
/// other and share the memory of their activations.
struct PlannedBuckets {
    /// The plan of the longest samples.
    let longest: Plan
    /// Bytes of the activations of the plan that needs most.
    let arenaByteCount: Int
    /// The buckets, a line each; nil without.
    let text: String?

    /// Plans all lengths.
    /// - Parameter plan: the plan of sequences of a length; of those that the dataset writes where nil.
    init(_ buckets: LengthBuckets?, plan: (_ length: Int?) throws -> Plan) throws {
        guard let buckets else {
            longest = try plan(nil)
            (arenaByteCount, text) = (longest.arenaByteCount, nil)
            return
        }
        let plans = try buckets.limits.map { try plan($0) }
        longest = plans[plans.count - 1]
        arenaByteCount = plans.map(\.arenaByteCount).max() ?? 0
        let lines = plans.indices.map { bucket in
            "  \(buckets.limits[bucket]) tokens: \(buckets.samples[bucket].count.grouped) samples, "
                + "\(plans[bucket].cost.flops.grouped) FLOP and \(plans[bucket].arenaByteCount.grouped) bytes of "
                + "activations for the largest micro-batch"
        }
        let shares = [buckets.fillingShare, buckets.fullFillingShare].map {
            String(format: "%.1f %%", 100 * $0)
        }
        text =
            "length buckets: \(plans.count); \(shares[0]) of all tokens only fill texts up, without buckets "
            + "\(shares[1])\n" + lines.joined(separator: "\n")
    }
}
