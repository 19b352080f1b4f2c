import CImages
import Diagnostics

/// Decodes JPEG and PNG files to RGB.
///
/// Grey is copied to three channels, palettes are looked up, 16 bits are scaled to 8, CMYK is converted, alpha is
/// left out (as Pillow's `convert("RGB")` does). Colour profiles, gamma and the Exif orientation are not applied.
public struct ImageDecoder: Sendable, Equatable {
    /// The kinds of file, known by their first bytes whatever the name says.
    private enum Format: String { case jpeg = "JPEG", png = "PNG" }

    /// Pixels that a picture may have; a larger one is refused from its header, before memory is taken for it.
    public var pixelLimit: Int

    /// The default of ``pixelLimit``: 178,956,970, above which Pillow warns of a decompression bomb.
    public static let defaultPixelLimit = 178_956_970

    /// Creates a decoder.
    public init(pixelLimit: Int = ImageDecoder.defaultPixelLimit) { self.pixelLimit = pixelLimit }

    /// Decodes a file.
    /// - Throws: 65 with the path for a file that is missing, empty, damaged, cut short, larger than the limit or
    ///   neither JPEG nor PNG; 74 for one that cannot be read.
    public func decode(path: String) throws -> Image {
        let file = try MappedFile(path: path)
        return try decode(UnsafeBufferPointer(start: file.base, count: file.byteCount), path: path)
    }

    /// Decodes bytes.
    /// - Parameter path: the file's name for messages.
    /// - Throws: 65 with the path for bytes that are damaged, cut short, larger than the limit or neither JPEG nor
    ///   PNG.
    public func decode(_ bytes: UnsafeBufferPointer<UInt8>, path: String) throws -> Image {
        guard let base = bytes.baseAddress, let format = Self.format(of: bytes) else {
            throw LockstepError(
                .badData, "this is neither a JPEG nor a PNG file", at: FileLocation(path),
                remedy: "convert it, or take it out of the data")
        }
        var (width, height): (Int64, Int64) = (0, 0)
        try Self.check(format, path) {
            format == .jpeg
                ? cimages_jpeg_size(base, bytes.count, &width, &height, $0)
                : cimages_png_size(base, bytes.count, &width, &height, $0)
        }
        try checkSize(width: Int(width), height: Int(height), path)
        let elementCount = Int(width * height) * 3
        let elements = try [UInt8](unsafeUninitializedCapacity: elementCount) { buffer, count in
            guard let pixels = buffer.baseAddress else { return }
            try Self.check(format, path) { message in
                guard format == .jpeg else {
                    return cimages_png_decode(base, bytes.count, width, height, pixels, message)
                }
                return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * Int(width)) { row in
                    cimages_jpeg_decode(base, bytes.count, width, height, pixels, row.baseAddress, message)
                }
            }
            count = elementCount
        }
        return Image(width: Int(width), height: Int(height), elements: elements)
    }

    private func checkSize(width: Int, height: Int, _ path: String) throws {
        let (pixelCount, overflow) = width.multipliedReportingOverflow(by: height)
        guard width > 0, height > 0, !overflow, pixelCount <= pixelLimit else {
            throw LockstepError(
                .badData, "a picture of \(width) x \(height) pixels is beyond the limit of \(pixelLimit)",
                at: FileLocation(path), remedy: "make it smaller, or take it out of the data")
        }
    }

    private static func format(of bytes: UnsafeBufferPointer<UInt8>) -> Format? {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
        return bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) ? .png : nil
    }

    /// Runs a function of the shim and turns its message into an error.
    private static func check(
        _ format: Format, _ path: String, _ body: (UnsafeMutablePointer<CChar>) -> Int32
    ) throws {
        try withUnsafeTemporaryAllocation(of: CChar.self, capacity: cimages_message_bytes) {
            buffer in
            guard let message = buffer.baseAddress, body(message) != 0 else { return }
            throw LockstepError(
                .badData, "this \(format.rawValue) file is damaged: \(String(cString: message))",
                at: FileLocation(path), remedy: "replace it, or take it out of the data")
        }
    }
}
