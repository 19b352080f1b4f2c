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

    /// Batch norm, then ReLU, or a residual and perhaps ReLU.
    static func fuseBatchNorms(_ schedule: Schedule) -> Schedule {
        var result = schedule
        let uses = schedule.useCounts()
        for index in schedule.steps.indices {
            let step = result.steps[index]
            guard let norm = BatchNormForward(step.operation), !norm.isReLU,
                uses[step.results[0].storage] == 1,
                let place = result.steps[(index + 1)...].firstIndex(where: {
                    $0.operands.contains(step.results[0])
                }),
                let fused = fuse(norm, step, result.steps[place]),
                // The fused step stands where the sum or the ReLU stood.
                !result.steps[(index + 1)..<place].contains(where: { reads($0, any: step.results) })
            else { continue }
            result.notes.append(
                "fused \(result.steps[place].operation.name) into \(norm.name) (\(step.path))")
            result.steps[place] = fused
            result.steps.remove(at: index)
            return fuseBatchNorms(result)
        }
        return result
    }

    private static func fuse(_ norm: BatchNormForward, _ step: PlanStep, _ consumer: PlanStep) -> PlanStep? {
        var norm = norm
        var residual: [PlanValue] = []
        switch consumer.operation {
        case let activate as Activate where activate.activation == .relu: norm.isReLU = true
        case is Add where !norm.hasResidual:
            residual = consumer.operands.filter { $0 != step.results[0] }
            norm.hasResidual = true
        default: return nil
        }
        guard residual.count == (consumer.operation is Add ? 1 : 0) else { return nil }
        return PlanStep(
            operation: norm, operands: step.operands + residual,
            results: consumer.results + step.results.dropFirst(), path: step.path)
    }

    /// The derivative of a ReLU, then the gradient of the batch norm before it. What passed the ReLU is kept where a
    /// residual connection reads it too.
    static func fuseBatchNormGradients(_ schedule: Schedule) -> Schedule {
        var result = schedule
        let uses = schedule.useCounts()
        for index in schedule.steps.indices {
            let step = result.steps[index]
            guard let gradient = step.operation as? NormalizeBatchGradient,
                let from = result.steps[..<index].lastIndex(where: { $0.results == [step.operands[0]] }),
                let derivative = result.steps[from].operation as? ActivationGradient,
                derivative.activation == .relu,
                // The fused step stands where the derivative stood.
                !result.steps[from..<index].contains(where: { writes($0, any: step.operands.dropFirst()) })
            else { continue }
            let source = result.steps[from]
            let keeps = uses[step.operands[0].storage] != 1
            result.steps[from] = PlanStep(
                operation: BatchNormBackward(
                    isSynchronized: gradient.isSynchronized, isReLU: true, keepsUpstream: keeps),
                operands: [source.operands[0]] + step.operands.dropFirst() + [source.operands[1]],
                results: step.results + (keeps ? source.results : []), path: step.path)
            result.steps.remove(at: index)
            result.notes.append("fused relu-gradient into batch-norm-gradient (\(step.path))")
            return fuseBatchNormGradients(result)
        }
        return result
    }

    private static func reads(_ step: PlanStep, any values: [PlanValue]) -> Bool {
        let storages = Set(values.map(\.storage))
        return step.operands.contains { storages.contains($0.storage) }
    }

    private static func writes(_ step: PlanStep, any values: some Sequence<PlanValue>) -> Bool {
        let storages = Set(values.map(\.storage))
        return step.results.contains { storages.contains($0.storage) }
    }
}
