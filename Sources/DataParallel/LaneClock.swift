/// Measures a lane's steps, and how much of them is waiting.
struct LaneClock {
    /// The last whole step.
    private(set) var last = (step: 0.0, wait: 0.0, termCount: 0.0)
    /// Loss terms of the present step so far.
    var termCount = 0.0
    /// What the rank had sent when it last reported.
    var sentByteCount: UInt64 = 0
    private var wait = Duration.zero
    private var start = ContinuousClock.now

    /// Runs something that waits for others.
    mutating func waiting(_ body: () throws -> Void) rethrows {
        let begin = ContinuousClock.now
        try body()
        wait += ContinuousClock.now - begin
    }

    /// Begins a step; what happens between steps belongs to none.
    mutating func beginStep() { (start, wait, termCount) = (ContinuousClock.now, .zero, 0) }

    /// Ends a step.
    mutating func endStep() {
        last = (Self.seconds(ContinuousClock.now - start), Self.seconds(wait), termCount)
    }

    private static func seconds(_ duration: Duration) -> Double {
        let parts = duration.components
        return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
    }
}
