import COneDNN
import Graphs

extension Precision {
    /// Whether this processor multiplies bfloat16 numbers by itself; without it oneDNN would emulate them slowly, or
    /// refuse.
    public static var hasBFloat16: Bool { cdnn_has_bfloat16() != 0 }

    /// This precision where the processor has it, else float32.
    public var available: Precision { self == .bfloat16 && !Self.hasBFloat16 ? .float32 : self }
}

/// What oneDNN makes of this processor, for tests of what plans then look like.
package enum LibraryInstructions {
    /// Whether it keeps images in blocked channels from convolution to convolution: with AVX2 or better.
    package static var keepsImagesBlocked: Bool { cdnn_has_avx2() != 0 }
}
