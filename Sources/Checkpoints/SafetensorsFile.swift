import Crypto
import Diagnostics

/// A safetensors file opened for reading, mapped into memory.
///
/// The header is checked whole when the file is opened, so a damaged or hostile file is one typed error then
/// and never a trap later. The file must not shrink while it is open.
public final class SafetensorsFile: Sendable {
    /// Where the file lies.
    public let path: String
    /// The free text of the header's `__metadata__`.
    public let metadata: [String: String]
    /// The tensors by rising place in the file.
    public let entries: [SafetensorsEntry]
    private let indices: [String: Int]
    private let file: MappedFile

    /// Opens a file.
    ///
    /// - Throws: 74 where it cannot be read; 65 naming the file, and the tensor at fault, where it is
    ///   malformed.
    public init(path: String) throws {
        do {
            file = try MappedFile(path)
        } catch {
            throw LockstepError(.inputOutput, "cannot read the file", at: FileLocation(path), cause: error)
        }
        let header = try SafetensorsHeader(file.bytes, path: path)
        self.path = path
        metadata = header.metadata
        entries = header.entries
        indices = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
    }

    /// The SHA-256 of the whole file, in hexadecimal.
    public var sha256: String { SHA256.hexadecimal(of: file.bytes) }

    /// The tensor of a name, if there is one.
    public func entry(named name: String) -> SafetensorsEntry? { indices[name].map { entries[$0] } }

    /// Lends a tensor's row-major, little-endian bytes, which may lie on any address.
    ///
    /// - Throws: 65 where there is no such tensor, and what `body` throws.
    public func withBytes<Result>(
        of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let entry = entry(named: name) else {
            throw LockstepError(
                .badData, "there is no tensor '\(name)' in the file", at: FileLocation(path),
                remedy: Suggestions.nearest(to: name, among: indices.keys).map { "did you mean '\($0)'?" })
        }
        return try body(UnsafeRawBufferPointer(rebasing: file.bytes[entry.byteRange]))
    }

    /// A tensor's elements as 32-bit floating point numbers, row-major; 16-bit ones are widened exactly.
    ///
    /// - Throws: 65 where there is no such tensor or its type does not fit into 32-bit floating point.
    public func floats(of name: String) throws -> [Float] {
        try withBytes(of: name) { bytes in
            switch entry(named: name)?.elementType {
            case .float32: return Self.map(bytes) { Float(bitPattern: UInt32(littleEndian: $0)) }
            case .bfloat16:
                return Self.map(bytes) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
            case .float16: return Self.map(bytes) { Float(Float16(bitPattern: UInt16(littleEndian: $0))) }
            case let other:
                throw LockstepError(
                    .badData,
                    "tensor '\(name)' has type \(other?.rawValue ?? "?"); F32, BF16 or F16 is needed",
                    at: FileLocation(path))
            }
        }
    }

    private static func map<Element: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _ transform: (Element) -> Float
    ) -> [Float] {
        let count = bytes.count / MemoryLayout<Element>.size
        return [Float](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            for index in 0..<count {
                let offset = index * MemoryLayout<Element>.size
                buffer[index] = transform(bytes.loadUnaligned(fromByteOffset: offset, as: Element.self))
            }
            initializedCount = count
        }
    }
}
