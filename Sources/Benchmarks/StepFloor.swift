import Execution
import Graphs

/// The least time that a step could take with the plan as it is: its arithmetic operations run by themselves, everything
/// else at the speed of a copy of memory.
struct StepFloor {
    /// Milliseconds of the arithmetic operations alone.
    let arithmetic: Double
    /// Milliseconds of all other operations' traffic.
    let traffic: Double
    /// Milliseconds of the update's traffic.
    let update: Double
    /// What it is made of: the program's operations, each timed.
    let timings: [OperationTiming]
    /// What this machine reaches.
    let limits: MachineLimits

    /// Milliseconds in all.
    var total: Double { arithmetic + traffic + update }

    /// Adds up the floor of a program and its update.
    /// - Parameters:
    ///   - parameterCount: elements of the arenas.
    ///   - stateCount: arenas of optimizer state, each read and written.
    init(
        _ timings: [OperationTiming], limits: MachineLimits, parameterCount: Int, stateCount: Int,
        precision: Precision
    ) {
        self.timings = timings
        self.limits = limits
        let alone = timings.compactMap(\.aloneNanoseconds).reduce(0, +)
        let bytes = timings.filter { $0.aloneNanoseconds == nil }.reduce(0) { $0 + $1.cost.byteCount }
        // The gradient is read for the norm and for the update; parameters and state are read and written.
        let elementBytes = 4 * (2 + 2 + 2 * stateCount) + (precision == .bfloat16 ? 2 : 0)
        arithmetic = alone / 1e6
        traffic = Double(bytes) / limits.copyRate * 1e3
        update = Double(parameterCount * elementBytes) / limits.copyRate * 1e3
    }
}
