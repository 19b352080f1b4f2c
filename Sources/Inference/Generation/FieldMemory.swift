/// Memory for the fields of programs, zeros at first; aligned to 64 bytes.
final class FieldMemory {
    /// Where the fields are, in the order in which programs are bound to them.
    let pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let count: Int

    init(byteCounts: [Int]) {
        count = byteCounts.count
        pointers = .allocate(capacity: max(1, byteCounts.count))
        for (index, byteCount) in byteCounts.enumerated() {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, byteCount), alignment: 64)
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: max(64, byteCount))
            (pointers + index).initialize(to: memory)
        }
    }

    deinit {
        for index in 0..<count { pointers[index].deallocate() }
        pointers.deallocate()
    }

    /// The int32 numbers of a field.
    func integers(_ field: Int) -> UnsafeMutablePointer<Int32> {
        pointers[field].assumingMemoryBound(to: Int32.self)
    }

    /// The float32 numbers of a field.
    func floats(_ field: Int) -> UnsafeMutablePointer<Float> {
        pointers[field].assumingMemoryBound(to: Float.self)
    }

    /// Lets two fields of one size change places.
    func swap(_ field: Int, with memory: inout UnsafeMutableRawPointer) {
        Swift.swap(&pointers[field], &memory)
    }
}
