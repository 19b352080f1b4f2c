import Foundation

extension CSVSource {
    /// A number that says what the files hold, whatever their paths: nodes compare it to find out whether
    /// they opened the same data. It reads every byte, and is no protection against someone who wants two
    /// files to look alike.
    public var fingerprint: UInt64 {
        files.reduce(0) { RandomMixer.mix($0 ^ $1.fingerprint) }
    }

    /// The size of all files, in bytes.
    public var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
}

extension MappedFile {
    /// Eight bytes at a time through a bijection, so that a change anywhere changes the result; then the
    /// size.
    var fingerprint: UInt64 {
        let bytes = UnsafeRawBufferPointer(start: base, count: byteCount)
        var hash: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= byteCount {
            hash =
                RandomMixer.mix(
                    hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
                &+ 0x9E37_79B9_7F4A_7C15
            offset &+= 8
        }
        var rest: UInt64 = 0
        for byte in bytes[offset...] { rest = rest << 8 | UInt64(byte) }
        return RandomMixer.key(seed: hash, rest, UInt64(byteCount))
    }
}

extension MappedFile {
    /// The fingerprint of a file that may be empty.
    /// - Throws: 65 or 74 where it is missing or cannot be read.
    static func contentFingerprint(path: String) throws -> UInt64 {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 { return 0 }
        return try MappedFile(path: path).fingerprint
    }
}
