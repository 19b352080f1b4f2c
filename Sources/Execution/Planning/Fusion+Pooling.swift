import Graphs

extension Fusion {
    /// ReLU, then max pooling. The maximum of ReLU is the ReLU of the maximum, so one kernel reads the image once and
    /// writes the pooled one; it marks windows without a positive pixel as won by nobody, so that backward needs
    /// neither the image nor ReLU's derivative: max-pool-gradient, then relu-gradient, is max-pool-gradient alone.
    static func fuseReLUPools(_ schedule: Schedule) -> Schedule {
        var result = schedule
        var gone: Set<Int> = []
        let readers = schedule.readers()
        let producers = schedule.producers()
        let uses = schedule.useCounts()
        for (index, step) in schedule.steps.enumerated() {
            guard let pool = step.operation as? MaxPool, pool.placeElement == .uint8,
                let from = producers[step.operands[0].storage],
                let activate = schedule.steps[from].operation as? Activate, activate.activation == .relu
            else { continue }
            let activated = schedule.steps[from].results[0]
            let others = readers[activated.storage, default: []].filter { $0 != index }
            // Every other reader must be ReLU's derivative behind this pooling's gradient.
            let gradients = others.compactMap { reader -> (pool: Int, relu: Int)? in
                guard let derivative = schedule.steps[reader].operation as? ActivationGradient,
                    derivative.activation == .relu, schedule.steps[reader].operands[1] == activated,
                    let back = producers[schedule.steps[reader].operands[0].storage],
                    schedule.steps[back].operation is MaxPoolGradient, step.results.count > 1,
                    schedule.steps[back].operands[1] == step.results[1],
                    uses[schedule.steps[back].results[0].storage] == 1
                else { return nil }
                return (back, reader)
            }
            guard step.operands[0] == activated, gradients.count == others.count,
                uses[activated.storage] == 1 + others.count
            else { continue }
            result.steps[index].operation = ReLUMaxPool(pool: pool)
            result.steps[index].operands = schedule.steps[from].operands
            gone.insert(from)
            for gradient in gradients {
                result.steps[gradient.pool].results = schedule.steps[gradient.relu].results
                gone.insert(gradient.relu)
            }
            result.notes.append("fused relu into max-pool, and their gradients (\(step.path))")
        }
        result.steps = result.steps.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
        return result
    }
}

extension Schedule {
    /// The steps that read each storage.
    func readers() -> [Int: [Int]] {
        var readers: [Int: [Int]] = [:]
        for (index, step) in steps.enumerated() {
            for storage in Set(step.operands.map(\.storage)) { readers[storage, default: []].append(index) }
        }
        return readers
    }
}
