import Graphs

/// Batch norm (Ioffe and Szegedy 2015) over [batch, channels] or [batch, channels, …], as PyTorch's BatchNorm1d and
/// BatchNorm2d. The channels are inferred.
///
/// While training, each micro-batch (one logical shard) is normalised by its own statistics: give each logical shard
/// several samples. Evaluation uses `running_mean` and `running_var`, which follow the statistics' mean over the logical
/// shards, weighted by their loss terms. (PyTorch's counter `num_batches_tracked` is not kept.)
///
/// In a graph with ``Graph/synchronizesBatchNorm`` the statistics are those of the whole step, as PyTorch's SyncBatchNorm:
/// all logical shards meet at every norm, so each lane has exactly one.
public final class BatchNorm: Layer {
    /// Added to the variance.
    public let epsilon: Double
    /// How much of a step's statistics enters the running ones.
    public let momentum: Double

    /// Creates a layer.
    public init(epsilon: Double = 1e-5, momentum: Double = 0.1) {
        self.epsilon = epsilon
        self.momentum = momentum
    }

    /// Traces the norm.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "batchNorm") {
            let channels: Shape = [input.shape.rank > 1 ? input.shape[1] : 1]
            let scale = try graph.normScale(of: self, channels)
            let shift = try graph.normShift(of: self, channels)
            func running(_ name: String, _ initial: Float, _ statistic: Tensor?) throws -> Tensor {
                try graph.buffer(
                    name, of: self, shape: channels, initial: initial, momentum: momentum,
                    statistic: statistic)
            }
            guard graph.isTraining else {
                return try input.batchNormalized(
                    scale: scale, shift: shift, mean: running("running_mean", 0, nil),
                    variance: running("running_var", 1, nil), epsilon: epsilon)
            }
            let result = try input.batchNormalized(
                scale: scale, shift: shift, epsilon: epsilon, isSynchronized: graph.synchronizesBatchNorm)
            _ = try running("running_mean", 0, result.companion(0))
            _ = try running("running_var", 1, result.companion(2))
            return result
        }
    }
}
