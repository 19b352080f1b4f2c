import COneDNN
import Graphs

/// What one core of this machine reaches: the rates that profiles compare with.
public struct MachineLimits: Sendable {
    /// A large oneDNN product of float32 matrices, in FLOP/s.
    public let productRate: Double
    /// The same with bfloat16 operands; `nil` where the processor has no such arithmetic.
    public let narrowProductRate: Double?
    /// A copy of memory much larger than the caches, in bytes read and written a second.
    public let copyRate: Double

    /// Measures the calling core; about a quarter of a second.
    public static func measure() throws -> MachineLimits {
        Program.useOneThread()
        return MachineLimits(
            productRate: try productRate(.float32),
            narrowProductRate: Precision.hasBFloat16 ? try productRate(.bfloat16) : nil, copyRate: copyRate())
    }

    private static func productRate(_ element: ElementType) throws -> Double {
        let extent = 1024
        var options = cdnn_matmul_options()
        (options.m, options.n, options.k) = (Int64(extent), Int64(extent), Int64(extent))
        (options.a_row, options.a_inner) = (Int64(extent), 1)
        (options.b_inner, options.b_column) = (Int64(extent), 1)
        (options.ab_type, options.c_type) = (element.libraryType, element.libraryType)
        let product = try LibraryProduct(options)
        let memory = buffer(byteCount: 3 * extent * extent * 4)
        defer { memory.deallocate() }
        let (b, c) = (memory + extent * extent * 4, memory + 2 * extent * extent * 4)
        let best = try bestSeconds(of: 8) { try product.run(memory, b, bias: nil, addend: nil, c) }
        return 2 * Double(extent * extent * extent) / best
    }

    private static func copyRate() -> Double {
        let byteCount = 128 << 20
        let memory = buffer(byteCount: 2 * byteCount)
        defer { memory.deallocate() }
        let best = bestSeconds(of: 4) {
            (memory + byteCount).copyMemory(from: memory, byteCount: byteCount)
        }
        return 2 * Double(byteCount) / best
    }

    private static func buffer(byteCount: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 1, count: byteCount)
        return memory
    }

    private static func bestSeconds(of runs: Int, _ body: () throws -> Void) rethrows -> Double {
        var best = Double.infinity
        for _ in 0..<runs {
            let start = ContinuousClock.now
            try body()
            let took = (ContinuousClock.now - start).components
            best = min(best, Double(took.seconds) + Double(took.attoseconds) * 1e-18)
        }
        return best
    }
}
