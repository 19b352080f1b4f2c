import COneDNN
import Graphs

extension Precision {
    /// Whether this processor multiplies bfloat16 numbers by itself; without it oneDNN would emulate them slowly, or
    /// refuse.
    public static var hasBFloat16: Bool { cdnn_has_bfloat16() != 0 }

    /// This precision where the processor has it, else float32.
    public var available: Precision { self == .bfloat16 && !Self.hasBFloat16 ? .float32 : self }
}
