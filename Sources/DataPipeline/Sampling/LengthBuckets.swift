import Diagnostics

/// Samples of like length together, so that batches carry little padding: a batch takes its samples from one bucket, and
/// its sequences are as long as the bucket's limit.
///
/// What a sample's sequences have beyond its length is filled up, so they can be cut there without a loss.
public struct LengthBuckets: Sendable, Equatable {
    /// The length of the samples' sequences as their dataset writes them.
    public let fullLength: Int
    /// The largest length of each bucket, rising; no bucket is empty.
    public let limits: [Int]
    /// The samples of each bucket, ascending.
    public let samples: [[Int]]
    /// The share of filling in all sequences, from 0 to 1, and what it would be without buckets.
    public let fillingShare, fullFillingShare: Double

    /// Sorts samples into buckets.
    /// - Parameters:
    ///   - lengths: of each sample.
    ///   - limits: the largest length of each bucket, rising; the last one is the full length.
    /// - Throws: 65 without samples; 2 for limits that do not rise or are below the longest sample.
    public init(lengths: [Int], limits: [Int]) throws {
        guard let last = limits.last, limits[0] >= 1, zip(limits, limits.dropFirst()).allSatisfy({ $0 < $1 }),
            lengths.allSatisfy({ $0 <= last })
        else {
            throw LockstepError(
                .usage, "no buckets end at \(limits)",
                remedy: "use rising limits of at least 1, the last one as long as the longest sample")
        }
        guard !lengths.isEmpty else { throw LockstepError(.badData, "the training split has no samples") }
        var samples = [[Int]](repeating: [], count: limits.count)
        for (sample, length) in lengths.enumerated() {
            samples[limits.firstIndex { length <= $0 } ?? limits.count - 1].append(sample)
        }
        let used = limits.indices.filter { !samples[$0].isEmpty }
        fullLength = last
        (self.limits, self.samples) = (used.map { limits[$0] }, used.map { samples[$0] })
        let filled = Double(lengths.reduce(0, +))
        let total = zip(self.limits, self.samples).reduce(0) { $0 + $1.0 * $1.1.count }
        fillingShare = 1 - filled / Double(total)
        fullFillingShare = 1 - filled / Double(last * lengths.count)
    }

    /// The number of samples.
    public var sampleCount: Int { samples.reduce(0) { $0 + $1.count } }
}

/// How long the sequences of a batch are: cut at `kept` where their dataset writes `full` elements.
public struct SequenceLength: Sendable, Equatable {
    /// Elements that the dataset writes.
    public var full: Int
    /// Elements of them that a batch has.
    public var kept: Int

    /// Describes a cut.
    public init(full: Int, kept: Int) { (self.full, self.kept) = (full, kept) }
}

extension FieldSpec {
    /// The bytes of one sample in a batch: fewer for a sequence that is cut there.
    func byteCount(_ length: SequenceLength?) -> Int {
        guard let length, sampleShape == [length.full] else { return sampleByteCount }
        return length.kept * 4
    }
}

extension LengthBuckets {
    /// How long the sequences of a bucket are.
    public func length(ofBucket bucket: Int) -> SequenceLength {
        SequenceLength(full: fullLength, kept: limits[bucket])
    }

    /// The bytes of a sample in its bucket's batches, on average.
    public func meanByteCount(_ fields: [FieldSpec]) -> Int {
        let total = samples.indices.reduce(0) { sum, bucket in
            sum + samples[bucket].count
                * fields.reduce(0) { $0 + $1.byteCount(length(ofBucket: bucket)) }
        }
        return total / sampleCount
    }

    /// At most `count` limits, multiples of four but for the last, that leave the least filling between them.
    ///
    /// Of all ways to cut the lengths into so many ranges the best is found by dynamic programming: the least cost of the
    /// first places in so many buckets follows from that of fewer.
    public static func limits(for lengths: [Int], fullLength: Int, count: Int = 6) -> [Int] {
        // At most 128 places: a finer choice saves nothing, and each bucket costs a plan.
        let grain = max(4, (fullLength / 128 + 3) / 4 * 4)
        let places = Array(stride(from: grain, to: fullLength, by: grain)) + [fullLength]
        // Samples up to each place.
        var reached = [Int](repeating: 0, count: places.count)
        for length in lengths { reached[places.firstIndex { length <= $0 } ?? places.count - 1] += 1 }
        for place in places.indices.dropFirst() { reached[place] += reached[place - 1] }
        // cost[k][p]: elements of all samples up to place p in k + 1 buckets, the last of which ends there.
        var cost = [places.indices.map { places[$0] * reached[$0] }]
        var before: [[Int]] = [[]]
        for bucket in 1..<max(1, min(count, places.count)) {
            var (row, from) = (cost[bucket - 1], [Int](repeating: -1, count: places.count))
            for place in places.indices {
                for earlier in 0..<place {
                    let own =
                        cost[bucket - 1][earlier] + places[place] * (reached[place] - reached[earlier])
                    if own < row[place] { (row[place], from[place]) = (own, earlier) }
                }
            }
            cost.append(row)
            before.append(from)
        }
        var (limits, place) = ([fullLength], places.count - 1)
        for bucket in stride(from: cost.count - 1, to: 0, by: -1) where before[bucket][place] >= 0 {
            place = before[bucket][place]
            limits.append(places[place])
        }
        return limits.reversed()
    }
}

extension Dataset {
    /// Of each sample how many elements its sequences have before those that only fill them, at least one.
    /// - Parameters:
    ///   - fields: the sequences, all of one shape [length] of int32.
    ///   - filler: the element that fills.
    /// - Throws: 65 where a sample cannot be decoded.
    public func sequenceLengths(ofFields fields: Range<Int>, filler: Int32) throws -> [Int] {
        let chunk = 4096
        let parts = ParallelWork.map(count: (count + chunk - 1) / chunk) { part in
            Result { try lengths(of: (part * chunk)..<min(count, (part + 1) * chunk), fields, filler) }
        }
        return try parts.flatMap { try $0.get() }
    }

    private func lengths(of samples: Range<Int>, _ fields: Range<Int>, _ filler: Int32) throws -> [Int] {
        let room = fields.map { self.fields[$0].sampleShape.first ?? 1 }.max() ?? 1
        let tokens = UnsafeMutablePointer<Int32>.allocate(capacity: room)
        defer { tokens.deallocate() }
        return try samples.map { sample in
            var longest = 1
            for field in fields {
                try write(sample: sample, field: field, to: tokens)
                var length = self.fields[field].sampleShape.first ?? 1
                while length > longest, tokens[length - 1] == filler { length -= 1 }
                longest = max(longest, length)
            }
            return longest
        }
    }
}
