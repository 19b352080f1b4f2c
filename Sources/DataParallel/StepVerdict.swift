import CKernels
import Execution

/// What all lanes agree on between backward and update. Every lane computes it by itself from the same memory, so that
/// all see the same bits.
public struct StepVerdict: Sendable, Equatable {
    /// The global step, counted from 0.
    public let step: Int
    /// The mean loss over all terms of the step.
    public let loss: Double
    /// Terms (samples, or tokens) of the step.
    public let termCount: Double
    /// The norm of the mean gradient, before clipping.
    public let gradientNorm: Double
    /// Whether any rank was asked to stop: all then stop after this step.
    public internal(set) var stopRequested: Bool

    /// Whether loss and gradients are finite; else the step is skipped everywhere.
    public var isFinite: Bool { loss.isFinite && gradientNorm.isFinite }

    /// Gathers the reports of all shards and the squares of all chunks.
    /// - Parameter shards: those whose step it is; fewer than all where a node takes a step by itself.
    init(
        step: Int, memory: NodeMemory, tree: CanonicalTree, chunkTree: CanonicalTree, shards: Range<Int>
    ) {
        let (reports, squares) = (memory.reports, memory.squares)
        let count = tree.sum { shards.contains($0) ? reports[$0].termCount : 0 }
        self.step = step
        termCount = count
        loss = count > 0 ? tree.sum { shards.contains($0) ? reports[$0].lossSum : 0 } / count : 0
        gradientNorm = count > 0 ? chunkTree.sum { squares[$0] }.squareRoot() / count : 0
        stopRequested = tree.sum { shards.contains($0) ? reports[$0].stopRequests : 0 } > 0
    }

    /// What a sum over terms is multiplied by to be their mean.
    var meanScale: Double { termCount > 0 ? 1 / termCount : 0 }

    /// What the summed gradient is multiplied by: one over the count, times the clip coefficient.
    func scale(clipNorm: Double?) -> Double {
        guard termCount > 0 else { return 0 }
        guard let clipNorm else { return 1 / termCount }
        return min(1, clipNorm / (gradientNorm + 1e-6)) / termCount
    }
}
