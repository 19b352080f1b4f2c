import Graphs

/// The hash of Recording/hashing.py: word i of a name is i times the golden ratio plus the name's FNV-1a, mixed as
/// MurmurHash3 ends.
struct HashedNumbers {
    private let key: UInt32

    init(_ name: String) {
        key = name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    func word(_ index: Int) -> UInt32 {
        var x = UInt32(truncatingIfNeeded: index) &* 0x9E37_79B9 &+ key
        x ^= x >> 16
        x &*= 0x85EB_CA6B
        x ^= x >> 13
        x &*= 0xC2B2_AE35
        return x ^ x >> 16
    }

    /// A number in [-1, 1) of 24 bits.
    func number(_ index: Int) -> Double { Double(word(index) >> 8) * 0x1p-23 - 1 }

    /// The first values that the scripts give a tensor of a checkpoint.
    static func weight(_ name: String, _ shape: [Int]) -> [Float] {
        let count = shape.reduce(1, *)
        if name.hasSuffix("running_var") { return Array(repeating: 1, count: count) }
        if name.hasSuffix("running_mean") || name.hasSuffix("num_batches_tracked") {
            return Array(repeating: 0, count: count)
        }
        let numbers = HashedNumbers(name)
        let (middle, scale): (Double, Double) =
            if shape.count > 1 {
                (0, (3 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
            } else {
                (name.hasSuffix("weight") ? 1 : 0, 0.2)
            }
        return (0..<count).map { Float(middle + scale * numbers.number($0)) }
    }
}

/// A field of the scripts' batches.
struct RecordedField: Decodable {
    let shape: [Int]
    let limit: Int?
    let padded: Bool?
    let binary: Bool?
    /// Where some labels, and those of padding, do not count: the field that is padded.
    let ignored: String?

    func traced(_ name: String) -> ModelTrace.Field {
        .init(name, Shape(shape), limit == nil ? .float32 : .int32)
    }

    /// The field's 32-bit words in a step.
    func words(_ name: String, step: Int, samples: Int) -> [UInt32] {
        let name = "\(name)/\(step)"
        let (numbers, size) = (HashedNumbers(name), shape.reduce(1, *))
        let indices = 0..<samples * size
        if binary == true { return indices.map { Float(numbers.word($0) & 1).bitPattern } }
        guard let limit else { return indices.map { Float(numbers.number($0)).bitPattern } }
        let first: UInt32 = padded == true ? 1 : 0
        let leftOut = HashedNumbers(name + "/ignored")
        let length = HashedNumbers((ignored.map { "\($0)/\(step)" } ?? name) + "/length")
        return indices.map { index in
            let isPadding = index % size >= size - Int(length.word(index / size) % 3)
            if ignored != nil, isPadding || (index % size != 0 && leftOut.word(index) % 3 != 0) {
                return UInt32(bitPattern: Self.ignoredLabel)
            }
            return padded == true && isPadding ? 0 : first + numbers.word(index) % (UInt32(limit) - first)
        }
    }

    static let ignoredLabel: Int32 = -100
}
