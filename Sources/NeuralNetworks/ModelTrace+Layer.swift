import Graphs

extension ModelTrace {
    /// Traces a model of one input.
    /// - Parameters:
    ///   - input: the field that the model is called with.
    ///   - label: the field of the loss; `nil` for prediction alone.
    ///   - lossOptions: ignored labels and label smoothing, for losses that know them.
    ///   - recompute: what backward computes again instead of keeping it.
    ///   - synchronizesBatchNorm: whether batch norms take their statistics over a whole step.
    /// - Throws: `LockstepError` naming the layer, the shapes and the remedy.
    public init(
        _ model: any Layer, sampleCount: Int, input: Field, label: Field? = nil, loss: Loss? = nil,
        lossOptions: LossOptions = LossOptions(), isTraining: Bool, recompute: Recompute = .nothing,
        synchronizesBatchNorm: Bool = false
    ) throws {
        try self.init(
            model, sampleCount: sampleCount, inputs: [input], label: label, loss: loss,
            lossOptions: lossOptions, isTraining: isTraining, recompute: recompute,
            synchronizesBatchNorm: synchronizesBatchNorm)
    }

    /// Traces a model of several inputs.
    /// - Parameters:
    ///   - inputs: the fields that the model is called with, in its order.
    ///   - label: the field of the loss; `nil` for prediction alone.
    ///   - lossOptions: ignored labels and label smoothing, for losses that know them.
    ///   - recompute: what backward computes again instead of keeping it.
    ///   - synchronizesBatchNorm: whether batch norms take their statistics over a whole step.
    /// - Throws: `LockstepError` naming the layer, the shapes and the remedy.
    public init(
        _ model: any Layer, sampleCount: Int, inputs: [Field], label: Field? = nil, loss: Loss? = nil,
        lossOptions: LossOptions = LossOptions(), isTraining: Bool, recompute: Recompute = .nothing,
        synchronizesBatchNorm: Bool = false
    ) throws {
        let graph = Graph(
            isTraining: isTraining, layerPaths: model.layerPaths(), recompute: recompute,
            synchronizesBatchNorm: synchronizesBatchNorm)
        let fields = inputs + (label.map { [$0] } ?? [])
        let tensors = fields.map { field in
            let shape = Shape([sampleCount] + field.sampleShape.dimensions)
            return graph.input(field.name, TensorType(shape, field.element))
        }
        let predictions = try model.trace(inputs: Array(tensors.prefix(inputs.count)))
        try graph.requireBlocks()
        var (sum, count): (Tensor?, Tensor?)
        if let loss, label != nil, let labels = tensors.last {
            (sum, count) = try graph.scope("loss") {
                (
                    try loss.sum(predictions: predictions, labels: labels, options: lossOptions),
                    try loss.termCount(labels: labels, options: lossOptions)
                )
            }
        }
        self.init(
            graph: graph, fields: fields, predictions: predictions, loss: sum,
            gradients: isTraining ? try sum.map { try graph.gradients(of: $0) } ?? [] : [],
            lossTermCount: sum == nil ? 0 : loss?.termCount(predictions: predictions.shape) ?? 0,
            termCount: count, sampleCount: sampleCount)
    }
}
