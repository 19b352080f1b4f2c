import Graphs

/// One operation of a program and the time it took.
public struct OperationTiming: Sendable {
    /// How it shows in plans, for instance `matmul+bias`.
    public let label: String
    /// The layer it comes from.
    public let path: String
    /// What it costs on paper.
    public let cost: OperationCost
    /// The best time within a whole run, in nanoseconds.
    public internal(set) var nanoseconds = Double.infinity
    /// The best time when it runs again and again on the same operands; `nil` where memory traffic decides, or where
    /// running again would change its operands.
    public internal(set) var aloneNanoseconds: Double?

    /// Whether arithmetic decides its time: four operations a byte or more.
    public var isArithmetic: Bool { cost.flops >= 4 * cost.byteCount }
}

extension Program {
    /// Times each operation; the program must be bound.
    /// - Parameters:
    ///   - runs: whole runs, of which each operation's best counts.
    ///   - alone: whether arithmetic operations are timed by themselves as well.
    public func timings(runs: Int, alone: Bool) throws -> [OperationTiming] {
        var timings = zip(instructions, costs).map { instruction, cost in
            OperationTiming(label: instruction.label, path: cost.path, cost: cost.cost)
        }
        reenter()
        // Nobody else meets while one lane is timed.
        let meeting = frame.pointee.meeting
        join(nil)
        defer { join(meeting) }
        for _ in 0..<max(1, runs) {
            for index in instructions.indices {
                let took = try nanoseconds(of: index)
                timings[index].nanoseconds = min(timings[index].nanoseconds, took)
                guard alone, timings[index].isArithmetic, !costs[index].isInPlace else { continue }
                var best = timings[index].aloneNanoseconds ?? took
                for _ in 0..<2 { best = min(best, try nanoseconds(of: index)) }
                timings[index].aloneNanoseconds = best
            }
        }
        return timings
    }

    private func nanoseconds(of index: Int) throws -> Double {
        let start = ContinuousClock.now
        try instructions[index].run(frame)
        let took = (ContinuousClock.now - start).components
        return Double(took.seconds) * 1e9 + Double(took.attoseconds) * 1e-9
    }
}
