import Diagnostics
import Foundation

/// How much the metrics of several models on the same samples, and their differences, would vary with other samples:
/// the samples are drawn anew with replacement, the same for all models, many times (Efron and Tibshirani, An
/// Introduction to the Bootstrap, 1993; paired, for tests of significance: Koehn 2004).
public struct PairedBootstrap: Sendable {
    /// The metric of each model over the samples as they are.
    public let values: [Double]
    /// How often samples were drawn anew.
    public let resampleCount: Int
    /// For each model, its metric in every resample; not a number where it is undefined there.
    private let resampled: [[Double]]

    /// Draws samples anew.
    /// - Parameters:
    ///   - predictions: of the models, for the same samples.
    ///   - seed: chooses the samples that are drawn: the same seed gives the same numbers on every machine.
    /// - Throws: 2 for a metric that the task does not have; 78 where the models' samples or answers differ.
    public init(
        _ metric: ComparedMetric, of predictions: [SamplePredictions], resampleCount: Int = 10_000,
        seed: UInt64 = 0
    ) throws {
        let sampleCount = predictions.first?.count ?? 0
        guard
            predictions.dropFirst().allSatisfy({
                $0.identities == predictions[0].identities && $0.truth == predictions[0].truth
            })
        else { throw LockstepError(.mismatch, "the models were not tested on the same samples") }
        let metrics = try predictions.map { try ResampledMetric(metric, of: $0) }
        let ones = [Int32](repeating: 1, count: sampleCount)
        values = metrics.map { metric in ones.withUnsafeBufferPointer(metric.value) }
        self.resampleCount = resampleCount
        var table = [Double](repeating: 0, count: metrics.count * resampleCount)
        table.withUnsafeMutableBufferPointer { table in
            let cells = Cells(pointer: table)
            let block = 64
            DispatchQueue.concurrentPerform(iterations: (resampleCount + block - 1) / block) { number in
                var weights = [Int32](repeating: 0, count: sampleCount)
                for resample in (number * block)..<min(resampleCount, (number + 1) * block) {
                    Self.draw(&weights, seed: seed, resample: resample)
                    for (model, metric) in metrics.enumerated() {
                        let value = weights.withUnsafeBufferPointer(metric.value)
                        cells.pointer[model * resampleCount + resample] = value
                    }
                }
            }
        }
        resampled = metrics.indices.map { Array(table[($0 * resampleCount)..<(($0 + 1) * resampleCount)]) }
    }

    /// Each resample writes cells of its own.
    private struct Cells: @unchecked Sendable { let pointer: UnsafeMutableBufferPointer<Double> }

    /// Counts how often each sample is drawn: as many draws as samples, by the generator SplitMix64, whose state starts
    /// from the seed and the resample's number.
    private static func draw(_ weights: inout [Int32], seed: UInt64, resample: Int) {
        for index in weights.indices { weights[index] = 0 }
        var state = seed &+ 0xd1b5_4a32_d192_ed03 &* UInt64(resample + 1)
        for _ in weights.indices {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            mixed ^= mixed >> 31
            weights[Int(mixed.multipliedFullWidth(by: UInt64(weights.count)).high)] += 1
        }
    }

    /// The percentile interval of a model's metric (Efron and Tibshirani 1993, chapter 13), percentiles interpolated
    /// between neighbours as numpy does.
    /// - Parameter confidence: the share of resamples that lie inside.
    /// - Returns: nil where the metric is undefined in every resample.
    public func interval(of model: Int, confidence: Double = 0.95) -> ClosedRange<Double>? {
        let sorted = resampled[model].filter { !$0.isNaN }.sorted()
        guard !sorted.isEmpty else { return nil }
        func percentile(_ share: Double) -> Double {
            let place = share * Double(sorted.count - 1)
            let low = min(sorted.count - 1, Int(place))
            let high = min(sorted.count - 1, low + 1)
            return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
        }
        let lower = percentile((1 - confidence) / 2)
        return lower...max(lower, percentile((1 + confidence) / 2))
    }

    /// How probable a difference at least as large as the observed one is, either way, if the models were equally good:
    /// `(1 + #{b : |δ_b − mean δ| ≥ |δ|}) / (B + 1)`, where δ is the observed difference and δ_b that of resample b, as
    /// `sacrebleu` has it (Riezler and Maxwell 2005, section 4: the resamples' differences, shifted to mean 0, stand for
    /// those of equal models).
    public func pValue(_ one: Int, _ other: Int) -> Double? {
        let observed = abs(values[one] - values[other])
        let differences = zip(resampled[one], resampled[other]).map { $0 - $1 }.filter { !$0.isNaN }
        guard !differences.isEmpty, !observed.isNaN else { return nil }
        let mean = CanonicalSum.of(differences) / Double(differences.count)
        // Sums in another order may differ in their last bits: equal differences still count as equal.
        let bound = observed * (1 - 1e-12)
        let extreme = differences.reduce(0) { $0 + (abs($1 - mean) >= bound ? 1 : 0) }
        return Double(1 + extreme) / Double(differences.count + 1)
    }
}
