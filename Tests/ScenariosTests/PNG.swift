/// Files of pictures for tests.
enum PNG {
    /// A PNG file of RGB pixels, stored without compression.
    static func file(width: Int, height: Int, _ pixel: (_ column: Int, _ row: Int) -> [UInt8]) -> [UInt8] {
        let lines = (0..<height).flatMap { row -> [UInt8] in [0] + (0..<width).flatMap { pixel($0, row) } }
        return header(width: width, height: height) + chunk("IDAT", stored(lines)) + chunk("IEND", [])
    }

    /// A PNG file that tells a size and has no pixels.
    static func withoutPixels(width: Int, height: Int) -> [UInt8] {
        header(width: width, height: height) + chunk("IDAT", [0x78, 0x01])
    }

    private static func header(width: Int, height: Int) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + chunk("IHDR", bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [8, 2, 0, 0, 0])
    }

    /// zlib's format with stored blocks (RFC 1950 and 1951).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = [0x78, 0x01]
        for start in stride(from: 0, to: bytes.count, by: 65_535) {
            let block = bytes[start..<min(start + 65_535, bytes.count)]
            let count = UInt16(block.count)
            result.append(block.endIndex == bytes.count ? 1 : 0)
            result += [UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)]
            result += block
        }
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        return result + bigEndian(high << 16 | low)
    }

    private static func chunk(_ name: String, _ contents: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + contents
        var check = UInt32.max
        for byte in body {
            check ^= UInt32(byte)
            for _ in 0..<8 { check = check & 1 == 1 ? check >> 1 ^ 0xEDB8_8320 : check >> 1 }
        }
        return bigEndian(UInt32(contents.count)) + body + bigEndian(~check)
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
