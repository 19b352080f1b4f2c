import CKernels

/// Gradients travel rounded to bfloat16: half the bytes, float32's range, 8 bits of precision.
public struct BFloat16Compression: GradientCompression {
    /// `bfloat16`.
    public let name = "bfloat16"
    /// What rounding loses is small and as often up as down.
    public let keepsResidual = false

    /// Creates it.
    public init() {}

    /// Two bytes an element.
    public func byteCount(_ piece: GradientPiece) -> Int { piece.elementCount * 2 }

    /// Rounds to nearest, ties to even.
    public func pack(
        _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
        into packed: UnsafeMutableRawPointer
    ) {
        lk_cast(values, LK_FLOAT32, packed, LK_BFLOAT16, piece.elementCount)
    }

    /// Widens.
    public func unpack(
        _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>
    ) {
        lk_cast(packed, LK_BFLOAT16, values, LK_FLOAT32, piece.elementCount)
    }
}

/// Gradients travel as float16 with a scale for every 1,024 elements: half the bytes, 11 bits of precision for elements
/// within a factor of about 2²⁶ of the largest of their 1,024. The scale is a power of two, so that it rounds nothing.
public struct Float16Compression: GradientCompression {
    /// `float16`.
    public let name = "float16"
    /// What rounding loses is small and as often up as down.
    public let keepsResidual = false
    private static let block = 1024

    /// Creates it.
    public init() {}

    private func blockCount(_ piece: GradientPiece) -> Int {
        (piece.elementCount + Self.block - 1) / Self.block
    }

    /// A scale a block and two bytes an element.
    public func byteCount(_ piece: GradientPiece) -> Int { blockCount(piece) * 4 + piece.elementCount * 2 }

    /// Scales each block so that its largest element lies below 2¹⁵, and rounds to nearest, ties to even.
    public func pack(
        _ values: UnsafePointer<Float>, of piece: GradientPiece, step: Int,
        into packed: UnsafeMutableRawPointer
    ) {
        let scales = packed.assumingMemoryBound(to: Float.self)
        let halves = (packed + blockCount(piece) * 4).assumingMemoryBound(to: UInt16.self)
        for block in 0..<blockCount(piece) {
            let start = block * Self.block
            let end = min(start + Self.block, piece.elementCount)
            var largest: Float = 0
            // A NaN does not win this comparison; scaled or not, it stays one.
            for index in start..<end { largest = max(largest, abs(values[index])) }
            let isScalable = largest.isFinite && largest > 0
            let exponent = isScalable ? max(-112, min(112, 14 - Int(largest.exponent))) : 0
            let factor = Float(sign: .plus, exponent: exponent, significand: 1)
            scales[block] = Float(sign: .plus, exponent: -exponent, significand: 1)
            for index in start..<end { halves[index] = Float16(values[index] * factor).bitPattern }
        }
    }

    /// Widens and scales back.
    public func unpack(
        _ packed: UnsafeRawPointer, of piece: GradientPiece, into values: UnsafeMutablePointer<Float>
    ) {
        let scales = packed.assumingMemoryBound(to: Float.self)
        let halves = (packed + blockCount(piece) * 4).assumingMemoryBound(to: UInt16.self)
        for index in 0..<piece.elementCount {
            values[index] = Float(Float16(bitPattern: halves[index])) * scales[index / Self.block]
        }
    }
}
