import Diagnostics

/// The parts of one evaluation, sorted by batch, whatever order they came in.
///
/// Whatever is computed from it has the same bits for every arrival order and every partition among ranks.
public struct EvaluationParts: Codable, Sendable, Equatable {
    /// The parts, by rising batch number, each once.
    public private(set) var sorted: [EvaluationPart] = []

    /// Creates an empty collection.
    public init() {}

    /// Creates a collection of the given parts.
    ///
    /// - Throws: 78 where a batch comes twice.
    public init(_ parts: [EvaluationPart]) throws {
        sorted = parts.sorted { $0.batch < $1.batch }
        for (left, right) in zip(sorted, sorted.dropFirst()) where left.batch == right.batch {
            throw Self.duplicate(left.batch)
        }
    }

    /// Reads parts, sorting them again.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([EvaluationPart].self))
    }

    /// Writes the parts as a list.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(sorted)
    }

    /// Adds a part.
    ///
    /// - Throws: 78 where its batch is there already: a sample would count twice.
    public mutating func insert(_ part: EvaluationPart) throws {
        let place = insertionPlace(of: part.batch)
        if place < sorted.count, sorted[place].batch == part.batch { throw Self.duplicate(part.batch) }
        sorted.insert(part, at: place)
    }

    /// Adds all parts of another collection; on an error nothing is added.
    ///
    /// - Throws: 78 where a batch is in both.
    public mutating func merge(_ other: EvaluationParts) throws {
        self = try EvaluationParts(sorted + other.sorted)
    }

    /// Checks that batches 0, 1, … are all there.
    ///
    /// - Parameter batchCount: how many there should be; `nil` asks only that there is no gap.
    /// - Throws: 78 naming the first missing batch.
    public func checkComplete(batchCount: Int? = nil) throws {
        let expected = max(batchCount ?? 0, sorted.count)
        for (index, part) in sorted.enumerated() where part.batch != index || index >= batchCount ?? Int.max {
            throw Self.missing(min(index, part.batch), of: expected, found: part.batch)
        }
        if sorted.count < expected { throw Self.missing(sorted.count, of: expected, found: nil) }
    }

    /// The number of samples.
    public var count: Int { sorted.reduce(0) { $0 + $1.count } }

    /// The sum of the loss over all samples, by the canonical tree over batches.
    public var lossSum: Double { CanonicalSum.of(sorted.map(\.lossSum)) }

    /// The first index whose batch is not below `batch`; parts mostly arrive in order, so the end is tried
    /// first.
    private func insertionPlace(of batch: Int) -> Int {
        guard let last = sorted.last, last.batch >= batch else { return sorted.count }
        var (low, high) = (0, sorted.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].batch < batch { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func duplicate(_ batch: Int) -> LockstepError {
        LockstepError(.mismatch, "evaluation batch \(batch) was counted twice")
    }

    private static func missing(_ batch: Int, of expected: Int, found: Int?) -> LockstepError {
        let instead = found.map { ", found batch \($0) in its place" } ?? ""
        return LockstepError(
            .mismatch, "evaluation batch \(batch) of \(expected) is missing\(instead)",
            remedy: "every rank must hand over all of its batches before the result is computed")
    }
}
