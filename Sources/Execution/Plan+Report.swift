import Diagnostics
import Graphs

extension Plan {
    /// What `lockstep plan` prints of a program: steps, fusions, memory and cost.
    public var report: String {
        var lines = ["program for \(trace.sampleCount) samples: \(schedule.steps.count) steps"]
        for (index, step) in schedule.steps.enumerated() { lines.append(line(index, step)) }
        lines.append(contentsOf: fusionLines)
        lines.append(contentsOf: memoryLines)
        lines.append(
            "cost: \(cost.flops.grouped) FLOP, \(cost.byteCount.grouped) bytes read and written")
        return lines.joined(separator: "\n")
    }

    /// Floating-point operations and bytes moved by one run.
    public var cost: OperationCost {
        schedule.steps.map(\.cost).reduce(OperationCost(flops: 0, byteCount: 0)) {
            OperationCost(flops: $0.flops + $1.flops, byteCount: $0.byteCount + $1.byteCount)
        }
    }

    private func line(_ index: Int, _ step: PlanStep) -> String {
        let (operands, results) = (step.operands.map(\.type), step.results.map(\.type))
        let shapes = operands.map(\.shape.description).joined(separator: " ")
        let target = results.map(\.shape.description).joined(separator: " ")
        let flops = step.operation.flops(operands: operands, results: results).grouped
        let remark = step.operation.remark(operands: operands, results: results)
        let note = remark.isEmpty ? "" : "  (\(remark))"
        return
            "  \(index)  \(step.operation.name)  \(shapes) -> \(target)  \(flops) FLOP  \(step.path)\(note)"
    }

    private var fusionLines: [String] {
        ["fusions: \(schedule.notes.count)"] + schedule.notes.map { "  " + $0 }
    }

    private var memoryLines: [String] {
        [
            "memory: activations \(memory.arenaByteCount.grouped) bytes"
                + " (\(memory.unsharedByteCount.grouped) without reuse),"
                + " parameters \((layout.elementCount * 4).grouped) bytes in \(layout.allSegments.count) segments"
        ]
    }
}

extension PlanStep {
    /// Floating-point operations, and bytes of all operands and results.
    var cost: OperationCost {
        let flops = operation.flops(operands: operands.map(\.type), results: results.map(\.type))
        return OperationCost(flops: flops, byteCount: (operands + results).reduce(0) { $0 + $1.byteCount })
    }
}
