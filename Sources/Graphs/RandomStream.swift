/// A counter-based random generator, Philox 4×32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy
/// as 1, 2, 3", SC 2011). A number is a pure function of key and counter: it never depends on rank, thread or order.
public struct RandomStream: Sendable {
    private let key: (UInt32, UInt32)
    private let high: (UInt32, UInt32)

    /// A stream named by a seed, a purpose (for instance an operation's number) and two more counters.
    public init(seed: UInt64, purpose: UInt32, _ third: UInt32 = 0, _ fourth: UInt32 = 0) {
        key = (
            UInt32(truncatingIfNeeded: seed) ^ purpose &* 0x9E37_79B9,
            UInt32(truncatingIfNeeded: seed >> 32) ^ purpose
        )
        high = (third, fourth)
    }

    /// Four random words for a block number.
    public func block(_ index: UInt64) -> (UInt32, UInt32, UInt32, UInt32) {
        var c = (UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), high.0, high.1)
        var k = key
        for _ in 0..<10 {
            let first = c.0.multipliedFullWidth(by: 0xD251_1F53)
            let second = c.2.multipliedFullWidth(by: 0xCD9E_8D57)
            c = (second.high ^ c.1 ^ k.0, second.low, first.high ^ c.3 ^ k.1, first.low)
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }

    /// The word at an index.
    public func word(_ index: Int) -> UInt32 {
        let words = block(UInt64(index / 4))
        switch index % 4 {
        case 0: return words.0
        case 1: return words.1
        case 2: return words.2
        default: return words.3
        }
    }

    /// A float in [0, 1) with 24 random bits.
    public func uniform(_ index: Int) -> Float { Float(word(index) >> 8) * 0x1p-24 }
}
