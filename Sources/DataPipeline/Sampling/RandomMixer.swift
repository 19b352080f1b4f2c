/// Counter-based random bits: pure functions of their arguments, with no state to save or to share.
enum RandomMixer {
    /// A bijection that spreads every input bit over the whole word: the finalizer of SplitMix64
    /// (Steele, Lea and Flood 2014, constants by Stafford).
    static func mix(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// A key from a seed and two numbers that say what it is for.
    static func key(seed: UInt64, _ first: UInt64, _ second: UInt64 = 0) -> UInt64 {
        let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
        return mix(mix(mix(seed &+ golden) ^ (first &+ golden)) ^ (second &+ golden &* 3))
    }
}
