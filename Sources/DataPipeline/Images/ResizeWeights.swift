/// Which old pixels each new pixel along one side covers, and how much of each, in whole units: see
/// `Image.resized`.
struct AreaShares {
    let oldCount: Int
    let newCount: Int

    init(from oldCount: Int, to newCount: Int) {
        self.oldCount = oldCount
        self.newCount = newCount
    }

    /// The old pixels that new pixel number `index` covers, with their shares, which add up to `oldCount`.
    func shares(of index: Int) -> Shares {
        let start = index * oldCount
        return Shares(unit: newCount, place: start / newCount, position: start, end: start + oldCount)
    }

    struct Shares: Sequence, IteratorProtocol {
        let unit: Int
        var place: Int
        var position: Int
        let end: Int

        mutating func next() -> (place: Int, share: UInt32)? {
            guard position < end else { return nil }
            let stop = Swift.min(end, (place &+ 1) &* unit)
            defer {
                position = stop
                place &+= 1
            }
            return (place, UInt32(truncatingIfNeeded: stop &- position))
        }
    }
}

/// The weights of Pillow's BILINEAR along one side, in fixed point as Pillow keeps them (Resample.c), so that
/// results are its own, bit by bit, wherever it too filters rows before columns.
struct TriangleFilter {
    private static let fractionBits: Int32 = 22
    /// Rounds a sum to the nearest.
    static let half: Int32 = 1 << (fractionBits - 1)

    let newCount: Int
    private var firsts: [Int] = []
    private var starts = [0]
    private var allWeights: [Int32] = []

    init(from oldCount: Int, to newCount: Int) {
        self.newCount = newCount
        let scale = Double(oldCount) / Double(newCount)
        // Shrinking, the triangle covers more old pixels; growing, always two.
        let support = max(1, scale)
        for index in 0..<newCount {
            let center = (Double(index) + 0.5) * scale
            let first = max(0, Int(center - support + 0.5))
            let last = min(oldCount, Int(center + support + 0.5))
            let weights = (first..<last).map { place in
                max(0, 1 - abs((Double(place) - center + 0.5) * (1 / support)))
            }
            let sum = weights.reduce(0, +)
            firsts.append(first)
            allWeights += weights.map { Int32(0.5 + $0 / sum * Double(1 << Self.fractionBits)) }
            starts.append(allWeights.count)
        }
    }

    /// The first old pixel that new pixel number `index` takes from, and the weights from there on.
    func weights(of index: Int) -> (first: Int, weights: ArraySlice<Int32>) {
        (firsts[index], allWeights[starts[index]..<starts[index + 1]])
    }

    static func byte(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> fractionBits) }
}
