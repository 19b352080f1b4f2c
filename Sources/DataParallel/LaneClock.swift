import CKernels

/// Measures a lane's steps, and how much of them is waiting.
struct LaneClock {
    /// The last whole step, in seconds.
    private(set) var last = (step: 0.0, wait: 0.0, termCount: 0.0)
    /// Loss terms of the present step so far.
    var termCount = 0.0
    /// What the rank had sent when it last reported.
    var sentByteCount: UInt64 = 0
    private var wait: Int64 = 0
    private var start: Int64 = 0
    /// A rank alone has nobody to be compared with; its steps may take 10 µs, and reading clocks a quarter of that.
    private let runs: Bool

    init(runs: Bool) { self.runs = runs }

    /// The time, to be given to ``waited(since:)``.
    var now: Int64 { runs ? lks_nanoseconds() : 0 }

    /// All since then was waiting for others.
    mutating func waited(since begin: Int64) { wait += now - begin }

    /// Begins a step; what happens between steps belongs to none.
    mutating func beginStep() { (start, wait, termCount) = (now, 0, 0) }

    /// Ends a step.
    mutating func endStep() { last = (Double(now - start) * 1e-9, Double(wait) * 1e-9, termCount) }
}
