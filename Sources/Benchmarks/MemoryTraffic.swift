import CKernels
import Collectives
import Diagnostics

/// The most that this node's memory moves when every rank reads and writes at once: what a sum of gradients cannot
/// beat, unless it stays in the caches.
struct MemoryTraffic {
    /// Bytes read and written a second, by all ranks of the node together.
    let bytesPerSecond: Double

    /// Floats of each of the two arrays of a rank: far more than the caches hold.
    private static let elementCount = 16 << 20

    /// Measures `x += y` and a copy, each on all ranks at once; the faster counts. Collective: every rank.
    static func measure(_ communicator: any Communicator) throws -> MemoryTraffic {
        let count = elementCount
        let (x, y) = (array(count), array(count))
        defer {
            x.deallocate()
            y.deallocate()
        }
        let adding = try rate(communicator, byteCount: 12 * count) {
            lk_add(x, LK_FLOAT32, y, LK_FLOAT32, x, LK_FLOAT32, count)
        }
        let copying = try rate(communicator, byteCount: 8 * count) { x.update(from: y, count: count) }
        return MemoryTraffic(bytesPerSecond: max(adding, copying))
    }

    private static func array(_ count: Int) -> UnsafeMutablePointer<Float> {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 2 << 20)
        return bytes.initializeMemory(as: Float.self, repeating: 1, count: count)
    }

    /// The best of several rounds; a round takes as long as its slowest rank.
    private static func rate(
        _ communicator: any Communicator, byteCount: Int, _ body: () -> Void
    ) throws -> Double {
        var best = 0.0
        for _ in 0..<5 {
            try communicator.barrier()
            let nanoseconds = Int64(Stopwatch.seconds(body) * 1e9)
            let slowest = try communicator.allreduce(nanoseconds, .max)
            best = max(
                best, Double(byteCount * communicator.topology.localSize) / Double(max(1, slowest)) * 1e9)
        }
        return best
    }
}

/// Seconds by the monotonic clock.
enum Stopwatch {
    static func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        let parts = (ContinuousClock.now - start).components
        return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
}
