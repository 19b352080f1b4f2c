import Graphs

/// Norms with their neighbours. The fused step has several results, so it stands where all of them were first there.
extension Fusion {
    /// A residual connection, then a norm over rows of the sum: one pass writes both.
    static func fuseResidualNorms(_ schedule: Schedule) -> Schedule {
        var result = schedule
        for index in schedule.steps.indices.reversed() {
            let step = result.steps[index]
            guard let norm = step.operation as? NormalizeRows,
                let from = result.steps[..<index].lastIndex(where: { $0.results.contains(step.operands[0]) }),
                result.steps[from].operation is Add,
                // The fused step stands where the sum stood: scale and shift must be there already.
                !result.steps[from..<index].contains(where: { writes($0, any: step.operands.dropFirst()) })
            else { continue }
            let sum = result.steps[from]
            result.steps[from] = PlanStep(
                operation: AddNormalizeRows(norm: norm), operands: sum.operands + step.operands.dropFirst(),
                results: sum.results + step.results, path: step.path)
            result.steps.remove(at: index)
            result.notes.append("fused \(sum.operation.name) into \(norm.name) (\(step.path))")
            return fuseResidualNorms(result)
        }
        return result
    }

    /// The gradient of a norm over rows, then its sum with the gradient that arrives past the norm.
    static func fuseNormGradientSums(_ schedule: Schedule) -> Schedule {
        var result = schedule
        let uses = schedule.useCounts()
        for index in schedule.steps.indices {
            let step = result.steps[index]
            guard let gradient = step.operation as? NormalizeRowsGradient, uses[step.results[0].storage] == 1,
                let place = result.steps[(index + 1)...].firstIndex(where: {
                    $0.operation is Add && $0.operands.contains(step.results[0])
                }),
                let addend = result.steps[place].operands.first(where: { $0 != step.results[0] }),
                // The fused step stands where the gradient stood.
                !result.steps[index..<place].contains(where: { writes($0, any: [addend]) })
            else { continue }
            result.steps[index] = PlanStep(
                operation: NormalizeRowsGradientAdd(gradient: gradient), operands: step.operands + [addend],
                results: result.steps[place].results + step.results.dropFirst(), path: step.path)
            result.steps.remove(at: place)
            result.notes.append("fused add into \(gradient.name) (\(step.path))")
            return fuseNormGradientSums(result)
        }
        return result
    }

    private static func writes(_ step: PlanStep, any values: some Sequence<PlanValue>) -> Bool {
        let storages = Set(values.map(\.storage))
        return step.results.contains { storages.contains($0.storage) }
    }
}
