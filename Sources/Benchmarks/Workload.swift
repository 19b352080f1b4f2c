import Diagnostics
import Graphs
import NeuralNetworks

/// One of the reference workloads, the same that the scripts for PyTorch, TensorFlow and JAX train: shapes, model, loss
/// and batch a rank.
public struct Workload: Sendable {
    /// The name, for instance `mlp`.
    public let name: String
    /// Samples a rank and step.
    public let batchSize: Int
    /// What a sample is called.
    public let unit: String
    /// Steps in a round.
    public let stepsPerRound: Int
    /// What the model reads.
    public let input: ModelTrace.Field
    /// What the loss compares with.
    public let label: ModelTrace.Field
    /// The loss.
    public let loss: Loss
    /// The ids of an integer input are below this.
    public let vocabularySize: Int
    private let makeModel: @Sendable () -> any Layer

    /// 30-64-64-1 with ReLU, batch 32.
    public static let mlp = Workload(
        name: "mlp", batchSize: 32, unit: "samples", stepsPerRound: 2000,
        input: .init("features", [30]), label: .init("label", []), loss: .sigmoidCrossEntropy,
        vocabularySize: 0,
        makeModel: { DenseNetwork(hidden: [64, 64], outputs: 1) })

    /// An embedding of 10,000 × 50, the mean over 500 tokens, 24 and 1; batch 32.
    public static let text = Workload(
        name: "text", batchSize: 32, unit: "samples", stepsPerRound: 400,
        input: .init("tokens", [500], .int32), label: .init("label", []), loss: .sigmoidCrossEntropy,
        vocabularySize: 10_000,
        makeModel: {
            PooledTextNetwork(vocabularySize: 10_000, width: 50, hidden: [24], outputs: 1, paddingID: nil)
        })

    /// All workloads.
    public static let all = [mlp, text]

    /// A workload by name.
    /// - Throws: `LockstepError` (2) with the names there are.
    public static func named(_ name: String) throws -> Workload {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw LockstepError(
            .usage, "no workload '\(name)'", remedy: Suggestions.remedy(for: name, among: all.map(\.name)))
    }

    /// The training trace for a number of samples.
    func trace(_ model: any Layer, sampleCount: Int) throws -> ModelTrace {
        try ModelTrace(
            model, sampleCount: sampleCount, input: input, label: label, loss: loss, isTraining: true)
    }

    func model() -> any Layer { makeModel() }
}
