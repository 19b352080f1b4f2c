/// The element types of tensors in files, under their names in the safetensors format.
///
/// The cases stand in the order in which the reference implementation writes tensors: wide types first.
public enum TensorElementType: String, Codable, Sendable, CaseIterable {
    /// 64-bit signed integers.
    case int64 = "I64"
    /// 64-bit floating point.
    case float64 = "F64"
    /// 32-bit floating point.
    case float32 = "F32"
    /// 32-bit signed integers.
    case int32 = "I32"
    /// The upper half of a 32-bit floating point number.
    case bfloat16 = "BF16"
    /// 16-bit floating point.
    case float16 = "F16"
    /// Bytes.
    case uint8 = "U8"

    /// The size of one element.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .bfloat16, .float16: 2
        case .uint8: 1
        }
    }

    /// The place in the order of a file.
    var fileOrder: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
