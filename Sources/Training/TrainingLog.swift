import DataParallel
import Diagnostics
import Foundation

/// The steps of a span that go into metrics.jsonl, gathered where they are computed and written by the coordinator.
final class TrainingLog: Codable {
    /// One logged step.
    struct Entry: Codable {
        /// Steps done, this one included.
        var step: Int
        var loss: Double?
        var gradientNorm: Double?
        var learningRate: Double
        /// Samples a second since the last entry: a time, not part of what a resume repeats.
        var samplesPerSecond: Double
        /// The ranks' times since the last entry, where there are several.
        var ranks: [RankTime] = []
    }

    private(set) var entries: [Entry] = []
    private let every: Int
    private let rate: (Int) -> Double
    private var samples = 0.0
    private var lastTime = ContinuousClock.now

    private enum CodingKeys: CodingKey { case entries }

    /// - Parameter rate: the learning rate of a step.
    init(every: Int, rate: @escaping (Int) -> Double) {
        self.every = every
        self.rate = rate
    }

    required init(from decoder: any Decoder) throws {
        entries = try decoder.container(keyedBy: CodingKeys.self).decode([Entry].self, forKey: .entries)
        every = 1
        rate = { _ in 0 }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(entries, forKey: .entries)
    }

    /// Notes a step, and at every so many what all ranks did.
    func note(_ verdict: StepVerdict, _ times: RankTimes?) {
        samples += verdict.termCount
        guard (verdict.step + 1) % every == 0 else { return }
        let now = ContinuousClock.now
        let parts = (now - lastTime).components
        let seconds = Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
        entries.append(
            Entry(
                step: verdict.step + 1, loss: verdict.loss.isFinite ? verdict.loss : nil,
                gradientNorm: verdict.gradientNorm.isFinite ? verdict.gradientNorm : nil,
                learningRate: rate(verdict.step), samplesPerSecond: seconds > 0 ? samples / seconds : 0,
                ranks: times?.drain() ?? []))
        samples = 0
        lastTime = now
    }

    /// Takes the entries out as bytes.
    func drain() throws -> [UInt8] {
        defer { entries.removeAll(keepingCapacity: true) }
        return Array(try JSONEncoder().encode(self))
    }
}
