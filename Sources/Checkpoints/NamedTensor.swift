/// A tensor on its way into a file: its name, element type, shape and row-major elements.
///
/// A tensor given as a pointer must stay readable and unchanged until the call it was handed to returns.
public struct NamedTensor: @unchecked Sendable {
    // Unchecked: the pointer is only read, under the promise above.

    /// The name, unique in its file, for instance `encoder.0.weight`.
    public let name: String
    /// The type of the elements.
    public let elementType: TensorElementType
    /// The extents, slowest first; empty for a scalar.
    public let shape: [Int]
    private let storage: Storage

    private enum Storage {
        case floats([Float])
        case bytes([UInt8])
        case pointer(UnsafeRawBufferPointer)
        case deferred(count: Int, make: @Sendable () -> [Float])
    }

    /// A tensor of 32-bit floating point numbers; `shape` multiplies to `values.count`.
    public init(_ name: String, shape: [Int], values: [Float]) {
        self.init(name, elementType: .float32, shape: shape, storage: .floats(values))
    }

    /// A tensor of 32-bit floating point numbers that are made when they are written, and let go after it: a file of many
    /// tensors then takes the memory of one. `make` gives as many as `shape` multiplies to, the same each time.
    public init(_ name: String, shape: [Int], make: @escaping @Sendable () -> [Float]) {
        let count = shape.reduce(1, *)
        self.init(
            name, elementType: .float32, shape: shape, storage: .deferred(count: count, make: make))
    }

    /// A tensor whose little-endian elements lie in an array of bytes.
    public init(_ name: String, elementType: TensorElementType, shape: [Int], bytes: [UInt8]) {
        self.init(name, elementType: elementType, shape: shape, storage: .bytes(bytes))
    }

    /// A tensor whose little-endian elements lie in memory of the caller's.
    public init(
        _ name: String, elementType: TensorElementType = .float32, shape: [Int],
        pointer: UnsafeRawBufferPointer
    ) {
        self.init(name, elementType: elementType, shape: shape, storage: .pointer(pointer))
    }

    private init(_ name: String, elementType: TensorElementType, shape: [Int], storage: Storage) {
        self.name = name
        self.elementType = elementType
        self.shape = shape
        self.storage = storage
    }

    /// The size of all elements.
    public var byteCount: Int {
        if case .deferred(let count, _) = storage { return count * MemoryLayout<Float>.size }
        return withBytes(\.count)
    }

    /// Lends the elements' bytes.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch storage {
        case .floats(let values): try values.withUnsafeBytes(body)
        case .bytes(let bytes): try bytes.withUnsafeBytes(body)
        case .pointer(let pointer): try body(pointer)
        case .deferred(_, let make): try make().withUnsafeBytes(body)
        }
    }
}
