import Execution
import Foundation
import Graphs

/// What `lockstep plan --workload` shows: the program of a reference workload, and how long it took to make.
public struct WorkloadPlan {
    /// The plan as text.
    public let text: String

    /// Plans a workload for one lane.
    /// - Throws: `LockstepError` where an operation cannot be planned.
    public init(_ workload: Workload, precision: Precision, recompute: Recompute) throws {
        var times = PlanTimes()
        let model = workload.makeModel()
        let trace = try times.measure(\.trace) {
            try workload.trace(model, sampleCount: workload.batchSize, recompute: recompute)
        }
        let layout = ParameterLayout(trace)
        let plan = try times.measure(\.passes) {
            try Plan(trace, layout: layout, precision: precision.available, keepsPredictions: false)
        }
        _ = try times.measure(\.primitives) { try Program(plan) }
        text = [
            "\(workload.name), \(precision.available.rawValue): \(layout.parameterCount) parameters",
            plan.report,
            times.text,
        ].joined(separator: "\n\n")
    }
}

/// Seconds that the parts of planning took.
private struct PlanTimes {
    var trace = 0.0
    var passes = 0.0
    var primitives = 0.0

    mutating func measure<Result>(
        _ part: WritableKeyPath<PlanTimes, Double>, _ body: () throws -> Result
    ) rethrows -> Result {
        let start = ContinuousClock.now
        let result = try body()
        self[keyPath: part] = (ContinuousClock.now - start) / .seconds(1)
        return result
    }

    var text: String {
        String(
            format: "planned in %.3f s: trace and gradients %.3f, passes %.3f, primitives %.3f",
            trace + passes + primitives, trace, passes, primitives)
    }
}
