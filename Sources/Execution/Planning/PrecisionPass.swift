import Graphs

/// The pass that stores activations as bfloat16 where products read or write them, and inserts a cast where an operation
/// needs the other type. Parameters that products read are taken from the node's bfloat16 copy.
struct PrecisionPass {
    private var schedule: Schedule
    private var readers: [Int: [(step: Int, operand: Int)]] = [:]
    private let rules: [PrecisionRule]
    private let fixed: Set<Int>
    private var half: Set<Int> = []

    /// The schedule in a precision.
    static func apply(_ schedule: Schedule, _ precision: Precision) -> Schedule {
        guard precision == .bfloat16 else { return schedule }
        var pass = PrecisionPass(schedule)
        pass.choose()
        return pass.rewritten()
    }

    private init(_ schedule: Schedule) {
        self.schedule = schedule
        rules = schedule.steps.map { step in
            step.operation.precision(operands: step.operands.map(\.type), results: step.results.map(\.type))
        }
        // What is read from outside, or lies in an arena of float32, stays float32.
        let read = schedule.outputs.values + (schedule.gradients + schedule.statistics).compactMap { $0 }
        fixed = Set(read.map(\.storage))
        for (index, step) in schedule.steps.enumerated() {
            for (place, operand) in step.operands.enumerated() {
                readers[operand.storage, default: []].append((index, place))
            }
        }
    }

    /// Decides what is stored as bfloat16, in the order of execution.
    private mutating func choose() {
        for (index, step) in schedule.steps.enumerated() {
            switch rules[index] {
            case .float32: break
            case .computes(_, let narrowsResult):
                if narrowsResult { narrow(step.results[0]) }
            case .follows(let operands, let results):
                for place in results where place < step.results.count {
                    if follows(step, operands, step.results[place]) { narrow(step.results[place]) }
                }
            }
        }
    }

    private mutating func narrow(_ value: PlanValue) {
        guard value.type.element == .float32, !fixed.contains(value.storage) else { return }
        half.insert(value.storage)
    }

    /// A result is stored as bfloat16 when everything it is made of is, or when only products are waiting for it.
    private func follows(_ step: PlanStep, _ operands: [Int], _ result: PlanValue) -> Bool {
        let numbers = step.operands.indices.filter { step.operands[$0].type.element == .float32 }
        let sources = numbers.filter { operands.contains($0) }
        if !sources.isEmpty, sources.allSatisfy({ half.contains(step.operands[$0].storage) }) { return true }
        let uses = readers[result.storage] ?? []
        return uses.contains { computes($0.step, $0.operand) }
            && uses.allSatisfy { accepts($0.step, $0.operand) }
    }

    private func computes(_ step: Int, _ operand: Int) -> Bool {
        if case .computes(let operands, _) = rules[step] { return operands.contains(operand) }
        return false
    }

    private func accepts(_ step: Int, _ operand: Int) -> Bool {
        if case .follows(let operands, _) = rules[step] { return operands.contains(operand) }
        return computes(step, operand)
    }

    /// The schedule with the chosen types, and casts where a step needs the other one.
    private mutating func rewritten() -> Schedule {
        var steps: [PlanStep] = []
        var casts: [Int: PlanValue] = [:]
        var count = 0
        for (index, var step) in schedule.steps.enumerated() {
            for place in step.results.indices { step.results[place] = stored(step.results[place]) }
            for place in step.operands.indices {
                let value = stored(step.operands[place])
                step.operands[place] = value
                let wanted = wants(index, place, value)
                guard wanted != value.type.element else { continue }
                if let known = casts[value.storage] {
                    step.operands[place] = known.seen(as: step.operands[place].type.shape)
                    continue
                }
                let type = TensorType(value.type.shape, wanted)
                let cast = PlanValue(storage: schedule.newStorage(), type: type, layout: value.layout)
                casts[value.storage] = cast
                step.operands[place] = cast
                if let node = schedule.parameterNode(value.storage) {
                    schedule.narrowParameters[cast.storage] = node
                } else {
                    steps.append(
                        PlanStep(operation: Cast(), operands: [value], results: [cast], path: step.path))
                    count += 1
                }
            }
            steps.append(step)
        }
        schedule.steps = steps
        schedule.notes.append(
            "bfloat16: \(half.count) values stored so, \(schedule.narrowParameters.count) parameters read from the "
                + "shared copy, \(count) casts left")
        return schedule
    }

    private func stored(_ value: PlanValue) -> PlanValue {
        guard half.contains(value.storage) else { return value }
        var narrow = value
        narrow.type = TensorType(value.type.shape, .bfloat16)
        return narrow
    }

    /// The type in which a step reads an operand.
    private func wants(_ step: Int, _ operand: Int, _ value: PlanValue) -> ElementType {
        guard value.type.element == .float32 || value.type.element == .bfloat16 else {
            return value.type.element
        }
        if computes(step, operand) { return .bfloat16 }
        return accepts(step, operand) ? value.type.element : .float32
    }
}

extension PlanValue {
    /// The same memory seen with another shape of as many elements.
    func seen(as shape: Shape) -> PlanValue {
        var value = self
        value.type = TensorType(shape, type.element)
        return value
    }
}
