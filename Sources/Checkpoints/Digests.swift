import Crypto

extension Digest {
    /// The digest as lower-case hexadecimal digits, as `sha256sum` prints it.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension SHA256 {
    /// The digest of bytes in memory, as hexadecimal digits.
    static func hexadecimal(of bytes: UnsafeRawBufferPointer) -> String {
        var hasher = SHA256()
        hasher.update(bufferPointer: bytes)
        return hasher.finalize().hexadecimal
    }

    /// The digest of bytes in memory, as hexadecimal digits.
    static func hexadecimal(of bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { hexadecimal(of: $0) }
    }
}
