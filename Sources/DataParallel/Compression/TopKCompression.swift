/// Only the largest elements travel, as index and value; the rest stays with the node until it has grown (Stich et al.
/// 2018, "Sparsified SGD with memory").
public struct TopKCompression: GradientCompression {
    /// `topK`.
    public let name = "topK"
    /// What does not travel must not be lost.
    public let keepsResidual = true
    /// The share of elements that travel, in (0, 1].
    public let fraction: Double

    /// Creates it.
    /// - Parameter fraction: clamped to (0, 1].
    public init(fraction: Double = 0.01) { self.fraction = fraction > 0 ? min(1, fraction) : 1e-6 }

    /// How many elements of a piece travel: at least one.
    private func count(_ piece: GradientPiece) -> Int {
        min(piece.elementCount, max(1, Int((Double(piece.elementCount) * fraction).rounded(.up))))
    }

    /// An index and a value an element that travels.
    public func byteCount(_ piece: GradientPiece) -> Int { count(piece) * 8 }

    /// Takes the elements of greatest magnitude; of equal ones, the first. A NaN counts as the greatest.
    public func pack(
        _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
        into packed: UnsafeMutableRawPointer
    ) {
        let wanted = count(piece)
        let indices = packed.assumingMemoryBound(to: UInt32.self)
        let kept = (packed + wanted * 4).assumingMemoryBound(to: Float.self)
        let (threshold, above) = threshold(values, piece.elementCount, wanted)
        var equalLeft = wanted - above
        var next = 0
        for index in 0..<piece.elementCount {
            let magnitude = Self.magnitude(values[index])
            guard magnitude >= threshold else { continue }
            if magnitude == threshold {
                guard equalLeft > 0 else { continue }
                equalLeft -= 1
            }
            indices[next] = UInt32(index)
            kept[next] = values[index]
            next += 1
        }
    }

    /// The elements that travelled, and zero for all others.
    public func unpack(
        _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>
    ) {
        let wanted = count(piece)
        let indices = packed.assumingMemoryBound(to: UInt32.self)
        let kept = (packed + wanted * 4).assumingMemoryBound(to: Float.self)
        values.update(repeating: 0, count: piece.elementCount)
        for place in 0..<wanted { values[Int(indices[place])] = kept[place] }
    }

    /// Bits that grow with the magnitude.
    private static func magnitude(_ value: Float) -> UInt32 { value.bitPattern & 0x7fff_ffff }

    /// The magnitude of the `wanted`-th largest element, and how many are larger: found digit by digit.
    private func threshold(_ values: UnsafePointer<Float>, _ count: Int, _ wanted: Int) -> (
        threshold: UInt32, above: Int
    ) {
        let digitBits = 11
        var (prefix, above) = (UInt32(0), 0)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 1 << digitBits) { histogram in
            for shift in [22, 11, 0] {
                histogram.initialize(repeating: 0)
                for index in 0..<count {
                    let magnitude = Self.magnitude(values[index])
                    // Shifts by 33 give zero: before the first digit everything has the same prefix.
                    guard magnitude >> (shift + digitBits) == prefix >> (shift + digitBits) else { continue }
                    histogram[Int(magnitude >> shift) & (1 << digitBits - 1)] += 1
                }
                var digit = 1 << digitBits - 1
                while above + histogram[digit] < wanted {
                    above += histogram[digit]
                    digit -= 1
                }
                prefix |= UInt32(digit) << shift
            }
        }
        return (prefix, above)
    }
}
