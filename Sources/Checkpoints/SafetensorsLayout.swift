import Diagnostics

/// The header of a safetensors file about to be written, and the order in which its tensors follow.
struct SafetensorsLayout {
    /// Length, JSON and padding: all that stands before the first tensor.
    let header: [UInt8]
    /// The tensors in the order of the file: wide types first and then by name, as the reference writes them,
    /// so that every tensor begins at a multiple of its element size.
    let tensors: [NamedTensor]

    /// - Throws: 1 (a defect of the caller's) where names repeat or a shape does not fit its bytes.
    init(_ tensors: [NamedTensor], metadata: [String: String]) throws {
        self.tensors = tensors.sorted { left, right in
            (left.elementType.fileOrder, left.name) < (right.elementType.fileOrder, right.name)
        }
        var names: Set<String> = ["__metadata__"]
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map {
                "\(Self.quoted($0.key)):\(Self.quoted($0.value))"
            }
            members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
        }
        var offset = 0
        for tensor in self.tensors {
            guard names.insert(tensor.name).inserted else {
                throw LockstepError(.internalError, "two tensors to be saved have the name '\(tensor.name)'")
            }
            let byteCount = tensor.byteCount
            guard
                SafetensorsEntry.byteCount(shape: tensor.shape, elementType: tensor.elementType) == byteCount
            else {
                throw LockstepError(
                    .internalError,
                    "tensor '\(tensor.name)' of shape \(tensor.shape) cannot have \(byteCount) bytes")
            }
            let extents = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                Self.quoted(tensor.name)
                    + ":{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(extents)],"
                    + "\"data_offsets\":[\(offset),\(offset + byteCount)]}")
            offset += byteCount
        }
        header = try Self.framed("{" + members.joined(separator: ",") + "}")
    }

    /// The JSON with its length before it and spaces behind it, up to a multiple of 8 bytes.
    private static func framed(_ json: String) throws -> [UInt8] {
        let length = (json.utf8.count + 7) / 8 * 8
        guard length <= SafetensorsLimits.headerByteCount else {
            throw LockstepError(.internalError, "a safetensors header of \(length) bytes is too large")
        }
        var bytes = withUnsafeBytes(of: UInt64(length).littleEndian) { Array($0) }
        bytes += Array(json.utf8)
        bytes += [UInt8](repeating: UInt8(ascii: " "), count: 8 + length - bytes.count)
        return bytes
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
