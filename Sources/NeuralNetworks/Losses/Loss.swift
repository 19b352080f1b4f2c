import Graphs

/// What training makes small. Losses are sums over their terms; the update divides once by the global count.
public enum Loss: String, Sendable, CaseIterable {
    /// For one of several classes: logits [samples, classes], labels int32 [samples].
    case softmaxCrossEntropy
    /// For yes or no: one logit a sample, labels 0 or 1.
    case sigmoidCrossEntropy
    /// For numbers: predictions and float32 targets.
    case meanSquaredError

    /// Traces the sum of the loss's terms.
    public func sum(predictions: Tensor, labels: Tensor) throws -> Tensor {
        switch self {
        case .softmaxCrossEntropy: try predictions.softmaxCrossEntropy(labels: labels)
        case .sigmoidCrossEntropy: try predictions.sigmoidCrossEntropy(targets: labels)
        case .meanSquaredError: try predictions.squaredError(targets: labels)
        }
    }

    /// How many terms a micro-batch of predictions has.
    public func termCount(predictions: Shape) -> Int {
        self == .softmaxCrossEntropy ? predictions[0] : predictions.elementCount
    }
}
