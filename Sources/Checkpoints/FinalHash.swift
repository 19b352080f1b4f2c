import Crypto

/// The SHA-256 that two runs share exactly when they ended in the same state: parameters, optimizer state,
/// random state (seed and step) and data cursor.
///
/// It depends on no clock and no file layout. Hashed are, in this order and each preceded by its length: a
/// version line, the SHA-256 of the base where a checkpoint holds adapters alone, for each of the two groups
/// the tensors sorted by name (name, type, extents, row-major bytes), then seed, step, optimizer step, epoch
/// and samples seen as 64-bit little-endian integers.
public enum FinalHash {
    /// The hash of a checkpoint, as 64 hexadecimal digits.
    ///
    /// - Throws: 65 where a tensor cannot be read.
    public static func of(_ checkpoint: LoadedCheckpoint) throws -> String {
        var hash = StateHasher()
        if let base = checkpoint.manifest.base { hash.add(base) }
        for (group, file) in [("parameters", checkpoint.model), ("optimizer", checkpoint.optimizer)] {
            hash.add(group, count: file.entries.count)
            for entry in file.entries.sorted(by: { $0.name < $1.name }) {
                try file.withBytes(of: entry.name) { bytes in
                    hash.add(entry.name, entry.elementType, entry.shape, bytes)
                }
            }
        }
        return hash.finish(checkpoint.state)
    }

    /// The hash of a state in memory: the same as that of a checkpoint made of it.
    public static func of(
        parameters: [NamedTensor], optimizer: [NamedTensor], state: TrainingState
    ) throws -> String {
        var hash = StateHasher()
        for (group, tensors) in [("parameters", parameters), ("optimizer", optimizer)] {
            hash.add(group, count: tensors.count)
            for tensor in tensors.sorted(by: { $0.name < $1.name }) {
                tensor.withBytes { hash.add(tensor.name, tensor.elementType, tensor.shape, $0) }
            }
        }
        return hash.finish(state)
    }
}

private struct StateHasher {
    private var hasher = SHA256()

    init() { add("lockstep-final-hash-1") }

    mutating func add(_ base: BaseRecord) {
        add("base")
        add(base.sha256)
    }

    mutating func add(_ group: String, count: Int) {
        add(group)
        add(Int64(count))
    }

    mutating func add(
        _ name: String, _ elementType: TensorElementType, _ shape: [Int], _ bytes: UnsafeRawBufferPointer
    ) {
        add(name)
        add(elementType.rawValue)
        add(Int64(shape.count))
        for extent in shape { add(Int64(extent)) }
        add(Int64(bytes.count))
        hasher.update(bufferPointer: bytes)
    }

    consuming func finish(_ state: TrainingState) -> String {
        add(state.seed)
        for count in [state.step, state.optimizerStep, state.epoch, state.samplesSeen] { add(Int64(count)) }
        return hasher.finalize().hexadecimal
    }

    private mutating func add(_ text: String) {
        let bytes = Array(text.utf8)
        add(Int64(bytes.count))
        bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    }

    private mutating func add(_ integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.littleEndian) { hasher.update(bufferPointer: $0) }
    }
}
