import Graphs

/// A value of the graph as a step reads or writes it. Reshapes are gone: `storage` names the node whose memory holds
/// it, `type` how it is seen here.
struct PlanValue: Hashable {
    var storage: Int
    /// Shape and element as stored; the precision pass turns some float32 into bfloat16.
    var type: TensorType
    /// How the elements lie; the layout pass changes it.
    var layout = TensorLayout.plain

    /// Bytes that it takes.
    var byteCount: Int { layout.elementCount(of: type.shape) * type.element.byteCount }
}

/// One step of a schedule: an operation on values. Passes turn lists of steps into shorter, better ones.
struct PlanStep {
    var operation: any Lowerable
    var operands: [PlanValue]
    var results: [PlanValue]
    /// The layer it comes from.
    var path: String
}

/// What is read after a run.
struct PlanOutputs {
    /// `nil` where a training program lets its memory be used again.
    var predictions: PlanValue?
    /// The summed loss; `nil` without labels.
    var loss: PlanValue?
    /// How many terms the loss sums, a scalar, where it depends on the labels.
    var termCount: PlanValue?

    /// All that there are.
    var values: [PlanValue] { [predictions, loss, termCount].compactMap { $0 } }

    /// Each turned into another.
    func map(_ change: (PlanValue) -> PlanValue) -> PlanOutputs {
        PlanOutputs(
            predictions: predictions.map(change), loss: loss.map(change), termCount: termCount.map(change))
    }
}

/// The steps of a program in order, and which values must be there when it ends.
struct Schedule {
    let graph: Graph
    var steps: [PlanStep]
    /// Values read after the run.
    var outputs: PlanOutputs
    /// For each parameter, the value of its gradient.
    var gradients: [PlanValue?]
    /// For each of the graph's buffers, the value of the statistic that it follows; empty where nothing trains.
    var statistics: [PlanValue?]
    /// How many terms the loss sums, where the outputs do not count them.
    let lossTermCount: Int
    /// What the passes did, for people.
    var notes: [String] = []
    /// Storages that are bfloat16 copies of parameters, with the parameter's node.
    var narrowParameters: [Int: Int] = [:]
    private var storageCount: Int

    init(
        graph: Graph, steps: [PlanStep], outputs: PlanOutputs, gradients: [PlanValue?],
        statistics: [PlanValue?], lossTermCount: Int
    ) {
        self.graph = graph
        self.steps = steps
        self.outputs = outputs
        self.gradients = gradients
        self.statistics = statistics
        self.lossTermCount = lossTermCount
        storageCount = graph.nodes.count
    }

    /// A number for a value that is no node of the graph.
    mutating func newStorage() -> Int {
        storageCount += 1
        return storageCount - 1
    }

    /// The node of a storage that is a parameter.
    func parameterNode(_ storage: Int) -> Int? {
        guard storage < graph.nodes.count, case .parameter = graph.nodes[storage].leaf else { return nil }
        return storage
    }

    /// How often each storage is read by steps or from outside.
    func useCounts() -> [Int: Int] {
        var uses: [Int: Int] = [:]
        for step in steps { for operand in step.operands { uses[operand.storage, default: 0] += 1 } }
        for value in outputs.values + (gradients + statistics).compactMap({ $0 }) {
            uses[value.storage, default: 0] += 1
        }
        return uses
    }

    /// The step that writes each storage.
    func producers() -> [Int: Int] {
        var producers: [Int: Int] = [:]
        for (index, step) in steps.enumerated() {
            for result in step.results { producers[result.storage] = index }
        }
        return producers
    }
}
