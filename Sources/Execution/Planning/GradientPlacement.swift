import Graphs

/// The pass that gives every parameter's gradient its place in the gradient arena: the step that computes it writes
/// there; what cannot (a value with two owners, or none at all) is copied right after it, or zeroed by a step at the
/// beginning, so that no gradient is ready later than backward makes it.
enum GradientPlacement {
    /// The schedule with such steps added, and the storages that lie in the gradient arena with their byte offsets.
    static func place(_ schedule: Schedule, layout: ParameterLayout) -> (
        schedule: Schedule, offsets: [Int: Int]
    ) {
        var result = schedule
        var offsets: [Int: Int] = [:]
        let producers = schedule.producers()
        let outside = Set(schedule.outputs.values.map(\.storage))
        var beginning: [PlanStep] = []
        var copies: [Int: [PlanStep]] = [:]
        for (ordinal, gradient) in schedule.gradients.enumerated() {
            let segment = layout.segment(ordinal: ordinal)
            let target = segment.offset * MemoryLayout<Float>.size
            if let gradient, producers[gradient.storage] != nil, offsets[gradient.storage] == nil,
                !outside.contains(gradient.storage)
            {
                offsets[gradient.storage] = target
                continue
            }
            let next = result.newStorage()
            let value = PlanValue(storage: next, type: TensorType(segment.shape))
            if let gradient {
                let copy = PlanStep(
                    operation: Copy(), operands: [gradient], results: [value], path: segment.name)
                if let producer = producers[gradient.storage] {
                    copies[producer, default: []].append(copy)
                } else {
                    beginning.append(copy)
                }
            } else {
                beginning.append(
                    PlanStep(
                        operation: Fill(value: 0), operands: [], results: [value], path: segment.name))
            }
            result.gradients[ordinal] = value
            offsets[next] = target
        }
        result.steps =
            beginning + schedule.steps.enumerated().flatMap { [$1] + copies[$0, default: []] }
        placeStatistics(&result, &offsets, layout)
        return (result, offsets)
    }

    /// State gets the loss terms times the statistic: the sums over micro-batches are then weighted by terms.
    private static func placeStatistics(
        _ schedule: inout Schedule, _ offsets: inout [Int: Int], _ layout: ParameterLayout
    ) {
        for (ordinal, statistic) in schedule.statistics.enumerated() {
            let segment = layout.buffers[ordinal]
            let value = PlanValue(storage: schedule.newStorage(), type: TensorType(segment.shape))
            let operation: any Lowerable
            switch (statistic, schedule.outputs.termCount) {
            case (nil, _): operation = Fill(value: 0)
            case (_, nil): operation = Scale(factor: Double(schedule.lossTermCount))
            default: operation = MultiplyScalar()
            }
            let operands = statistic.map { [$0] + [schedule.outputs.termCount].compactMap { $0 } } ?? []
            schedule.steps.append(
                PlanStep(operation: operation, operands: operands, results: [value], path: segment.name))
            offsets[value.storage] = segment.offset * MemoryLayout<Float>.size
        }
    }
}
