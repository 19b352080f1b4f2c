import DataParallel
import Diagnostics

/// The memory that a run will take on its first node, as `lockstep plan` shows it.
struct PlannedMemory {
    let shared: NodeMemorySize
    let map: LaneMap
    /// Bytes of a lane's activations for the largest micro-batch.
    let activations: Int
    /// Bytes of the largest parameter.
    let largestTensor: Int
    /// Bytes of an evaluation's.
    let evaluation: Int
    /// Bytes of training data held by each rank.
    let dataset: Int

    /// A process before it trains: the program, oneDNN, Open MPI.
    private static let processByteCount = 40 << 20

    /// Lanes train and then evaluate; each keeps the programs of both.
    private var ofARank: Int {
        Self.processByteCount + dataset + map.lanesPerReplica * (activations + evaluation)
    }

    /// Rank 0 alone: what it copies to save while training goes on, a tensor on its way into a file, and the files, mapped
    /// to be verified.
    private var copy: Int { 2 * (shared.parameters + shared.savedState) + largestTensor }

    var text: String {
        let ranks = map.replicasOfNode[map.nodeIndex].count
        return """
            memory of a node: \(millions(shared.total + ranks * ofARank + copy)), of which
              shared by its \(ranks) ranks, once: \(millions(shared.total)) (parameters \(millions(shared.parameters)), \
            optimizer state \(millions(shared.optimizerState)), gradients \(millions(shared.gradients)), \
            exchange with other nodes \(millions(shared.exchange)))
              each rank besides: \(millions(ofARank)) (program \(millions(Self.processByteCount)), \
            training data \(millions(dataset)), \(map.lanesPerReplica) lanes with \(millions(activations)) of \
            activations and \(millions(evaluation)) for evaluations)
              rank 0 while it saves: \(millions(copy))
            """
    }

    private func millions(_ byteCount: Int) -> String {
        let tenths = (byteCount + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10) MB"
    }
}
