import Diagnostics
import Graphs

/// The first pass: the needed nodes of a trace as steps, with reshapes turned into views, multiplications by the
/// constant one left out, and equal computations done once.
enum Simplification {
    static func schedule(_ trace: ModelTrace, keepsPredictions: Bool) throws -> Schedule {
        let graph = trace.graph
        let predictions = keepsPredictions ? trace.predictions : nil
        let termCount = trace.loss == nil ? nil : trace.termCount
        let outputs = [predictions, trace.loss, termCount].compactMap { $0 }
        let statistics = trace.isTraining ? graph.buffers.map { $0.statistic } : []
        let followed = statistics.compactMap { $0.map { Tensor(graph: graph, node: $0) } }
        let needed = neededNodes(graph, roots: outputs + trace.gradients.compactMap { $0 } + followed)
        var stepOfStorage: [Int: Int] = [:]
        var storage = Array(graph.nodes.indices)
        var known: [String: Int] = [:]
        var steps: [PlanStep] = []
        for (index, node) in graph.nodes.enumerated() where needed[index] {
            guard let operation = node.operation else { continue }
            let operands = node.operands.map { PlanValue(storage: storage[$0], type: graph.nodes[$0].type) }
            if let same = viewed(operation, operands, graph) {
                storage[index] = same
                continue
            }
            let again = node.isRecomputed ? "again " : ""
            let key = again + operation.key + operands.map { " \($0.storage):\($0.type)" }.joined()
            if let before = known[key] {
                storage[index] = before
                continue
            }
            known[key] = index
            if operation is Companion, let step = stepOfStorage[operands[0].storage] {
                steps[step].results.append(PlanValue(storage: index, type: node.type))
                continue
            }
            stepOfStorage[index] = steps.count
            guard let lowerable = operation as? any Lowerable else {
                throw LockstepError(.internalError, "operation '\(operation.name)' has no lowering")
            }
            steps.append(
                PlanStep(
                    operation: lowerable, operands: operands,
                    results: [PlanValue(storage: index, type: node.type)],
                    path: node.path))
        }
        func value(_ tensor: Tensor) -> PlanValue {
            PlanValue(storage: storage[tensor.node], type: tensor.type)
        }
        let read =
            (outputs + trace.gradients.compactMap { $0 } + followed).map(value) + steps.flatMap(\.operands)
        steps = constantSteps(graph, read: Set(read.map(\.storage))) + steps
        return Schedule(
            graph: graph, steps: steps,
            outputs: PlanOutputs(
                predictions: predictions.map(value), loss: trace.loss.map(value),
                termCount: termCount.map(value)),
            gradients: trace.gradients.map { $0.map(value) },
            statistics: statistics.map { $0.map { value(Tensor(graph: graph, node: $0)) } },
            lossTermCount: trace.lossTermCount)
    }

    /// Constants that are still read, by a step or from outside, are written first.
    private static func constantSteps(_ graph: Graph, read: Set<Int>) -> [PlanStep] {
        graph.nodes.enumerated().compactMap { index, node in
            guard read.contains(index), case .constant(let value) = node.leaf else { return nil }
            return PlanStep(
                operation: Fill(value: Float(value)), operands: [],
                results: [PlanValue(storage: index, type: node.type)], path: node.path)
        }
    }

    /// The storage that an operation merely shows again, if it computes nothing.
    private static func viewed(_ operation: any Operation, _ operands: [PlanValue], _ graph: Graph) -> Int? {
        if operation is Reshape { return operands[0].storage }
        if let scale = operation as? Scale, scale.factor == 1 { return operands[0].storage }
        if operation is MultiplyScalar, graph.nodes[operands[1].storage].leaf == .constant(1) {
            return operands[0].storage
        }
        return nil
    }

    private static func neededNodes(_ graph: Graph, roots: [Tensor]) -> [Bool] {
        var needed = Array(repeating: false, count: graph.nodes.count)
        for root in roots { needed[root.node] = true }
        for index in graph.nodes.indices.reversed() where needed[index] {
            for operand in graph.nodes[index].operands { needed[operand] = true }
            // Further results come all or none, so that each has its place among a step's results.
            guard graph.nodes[index].operation is Companion else { continue }
            var next = graph.nodes[index].operands[0] + 1
            while next < graph.nodes.count, graph.nodes[next].operation is Companion {
                needed[next] = true
                next += 1
            }
        }
        return needed
    }
}
