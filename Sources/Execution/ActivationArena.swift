/// Memory for the activations and workspaces of programs that never run at the same time: as large as the largest of them
/// needs. A program that runs overwrites what the others left, their predictions and losses too.
public final class ActivationArena {
    private(set) var base: UnsafeMutableRawPointer
    /// Bytes that it holds.
    public private(set) var byteCount: Int

    /// An arena without room.
    public init() {
        byteCount = 64
        base = Self.zeros(64)
    }

    deinit { base.deallocate() }

    /// Makes room; what is in the arena is lost. It must not be in use.
    func reserve(_ wanted: Int) {
        guard wanted > byteCount else { return }
        base.deallocate()
        base = Self.zeros(wanted)
        byteCount = wanted
    }

    /// Memory that is touched here, by the thread that will use it, and not in the first step.
    private static func zeros(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        return memory
    }
}
