import Diagnostics

/// The mean and the standard deviation of each channel, elements counted from 0 to 1: a model sees
/// (element / 255 − mean) / deviation.
public struct ImageNormalization: Codable, Sendable, Equatable {
    /// One a channel.
    public let mean: [Float]
    /// One a channel, above 0.
    public let deviation: [Float]

    /// Given numbers, for instance those that a pretrained model was made with.
    /// - Throws: 2 where there are not 1 or 3 channels, or a deviation is not above 0.
    public init(mean: [Float], deviation: [Float]) throws {
        guard [1, 3].contains(mean.count), deviation.count == mean.count,
            (mean + deviation).allSatisfy(\.isFinite), deviation.allSatisfy({ $0 > 0 })
        else {
            throw LockstepError(
                .usage, "pictures cannot be normalized by means \(mean) and deviations \(deviation)",
                remedy: "give one mean and one deviation above 0 for each of 1 or 3 channels")
        }
        (self.mean, self.deviation) = (mean, deviation)
    }

    /// The numbers of a training split. They are summed as whole numbers, so that they are the same in any order;
    /// a channel of one value has deviation 1.
    /// - Throws: 65 for a split without pictures.
    public init(of store: some ImageStore, indices: some Collection<Int>) throws {
        guard !indices.isEmpty else { throw LockstepError(.badData, "the training split has no picture") }
        let channelCount = store.channelCount
        let pixelCount = store.height * store.width
        var sums = [UInt64](repeating: 0, count: channelCount)
        var squares = sums
        for index in indices {
            let elements = store.elements(of: index)
            for channel in 0..<channelCount {
                var place = store.isPlanar ? channel &* pixelCount : channel
                let step = store.isPlanar ? 1 : channelCount
                var (sum, square): (UInt64, UInt64) = (0, 0)
                for _ in 0..<pixelCount {
                    let value = UInt64(elements[place])
                    sum &+= value
                    square &+= value &* value
                    place &+= step
                }
                sums[channel] += sum
                squares[channel] += square
            }
        }
        let total = Double(indices.count) * Double(pixelCount)
        mean = sums.map { Float(Double($0) / total / 255) }
        deviation = zip(sums, squares).map { sum, square in
            let mean = Double(sum) / total
            let variance = Double(square) / total - mean * mean
            return variance > 1e-9 ? Float(variance.squareRoot() / 255) : 1
        }
    }

    private enum CodingKeys: CodingKey { case mean, deviation }

    /// Reads and checks the numbers.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            mean: try values.decode([Float].self, forKey: .mean),
            deviation: try values.decode([Float].self, forKey: .deviation))
    }
}
