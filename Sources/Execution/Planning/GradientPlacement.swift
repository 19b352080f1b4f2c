import Graphs

/// The pass that gives every parameter's gradient its place in the gradient arena: the step that computes it writes
/// there; what cannot (a value with two owners, or none at all) is copied or zeroed by a step of its own.
enum GradientPlacement {
    /// The schedule with such steps added, and the storages that lie in the gradient arena with their byte offsets.
    static func place(_ schedule: Schedule, layout: ParameterLayout) -> (
        schedule: Schedule, offsets: [Int: Int]
    ) {
        var result = schedule
        var offsets: [Int: Int] = [:]
        let producers = schedule.producers()
        let outside = Set(schedule.outputs.map(\.storage))
        var next = schedule.firstFreeStorage
        for (ordinal, gradient) in schedule.gradients.enumerated() {
            let segment = layout.segment(ordinal: ordinal)
            let target = segment.offset * MemoryLayout<Float>.size
            if let gradient, producers[gradient.storage] != nil, offsets[gradient.storage] == nil,
                !outside.contains(gradient.storage)
            {
                offsets[gradient.storage] = target
                continue
            }
            let value = PlanValue(storage: next, type: TensorType(segment.shape))
            result.steps.append(
                PlanStep(
                    operation: gradient == nil ? Fill(value: 0) as any Lowerable : Copy(),
                    operands: gradient.map { [$0] } ?? [], results: [value], path: segment.name))
            result.gradients[ordinal] = value
            offsets[next] = target
            next += 1
        }
        return (result, offsets)
    }
}
