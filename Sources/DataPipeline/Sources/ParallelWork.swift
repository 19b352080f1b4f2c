import Dispatch

/// Work on independent numbers by all processors, for what is done once before training.
enum ParallelWork {
    /// `body(0)`, `body(1)` … in order, computed by several threads.
    static func map<Value: Sendable>(count: Int, _ body: @Sendable (Int) -> Value) -> [Value] {
        Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress {
                let results = Results(base: base)
                DispatchQueue.concurrentPerform(iterations: count) { index in
                    (results.base + index).initialize(to: body(index))
                }
            }
            initialized = count
        }
    }

    /// Each index is written by one thread alone.
    private struct Results<Value>: @unchecked Sendable {
        let base: UnsafeMutablePointer<Value>
    }
}
