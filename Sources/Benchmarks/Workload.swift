import DataParallel
import Diagnostics
import Graphs
import NeuralNetworks

/// One of the reference workloads, the same that the scripts for PyTorch, TensorFlow and JAX train: shapes, model, loss
/// and batch a rank.
public struct Workload: Sendable {
    /// The name, for instance `mlp`.
    public let name: String
    /// Samples a lane and step.
    public var batchSize = 32
    /// What is counted a second.
    public var unit = "samples"
    /// How many of them a sample is.
    public var unitsPerSample = 1
    /// What the model reads.
    let input: ModelTrace.Field
    /// What the loss compares with.
    let label: ModelTrace.Field
    /// The loss.
    let loss: Loss
    /// The ids of an integer input are below this.
    var vocabularySize = 1
    /// The labels are below this.
    var classCount = 2
    let makeModel: @Sendable () -> any Layer

    /// 30-64-64-1 with ReLU, batch 32.
    public static let mlp = Workload(
        name: "mlp", input: .init("features", [30]), label: .init("label", []), loss: .sigmoidCrossEntropy,
        makeModel: { DenseNetwork(hidden: [64, 64], outputs: 1) })

    /// An embedding of 10,000 × 50, the mean over 500 tokens, 24 and 1; batch 32.
    public static let text = Workload(
        name: "text", input: .init("tokens", [500], .int32), label: .init("label", []),
        loss: .sigmoidCrossEntropy, vocabularySize: 10_000,
        makeModel: {
            PooledTextNetwork(vocabularySize: 10_000, width: 50, hidden: [24], outputs: 1, paddingID: nil)
        })

    /// 128×128×3, three valid 3×3 convolutions of 32, 64 and 128 channels, each with ReLU and max pooling, dense 1024
    /// and 10; batch 32.
    public static let cnn = Workload(
        name: "cnn", unit: "images", input: .init("image", [3, 128, 128]), label: .init("label", [], .int32),
        loss: .softmaxCrossEntropy, classCount: 10,
        makeModel: {
            ConvolutionalClassifier(convolutions: [32, 64, 128], hidden: [1024], classes: 10)
        })

    /// ResNet-18 with the stem for small images, 32×32×3 and 10 classes; batch 32.
    public static let resnet = Workload(
        name: "resnet", unit: "images", input: .init("image", [3, 32, 32]), label: .init("label", [], .int32),
        loss: .softmaxCrossEntropy, classCount: 10,
        makeModel: { ResidualNetwork.resNet18(classes: 10, smallImages: true) })

    /// A GPT of 6 layers, 384 wide, 6 heads, vocabulary 65, on 8 × 256 tokens.
    public static let gpt = Workload(
        name: "gpt", batchSize: 8, unit: "tokens", unitsPerSample: 256,
        input: .init("tokens", [256], .int32), label: .init("next", [256], .int32),
        loss: .softmaxCrossEntropy, vocabularySize: 65, classCount: 65,
        makeModel: {
            GPT(.init(vocabularySize: 65, context: 256, layers: 6, width: 384, heads: 6))
        })

    /// A two-layer LSTM 256 wide on 128 tokens of 10,000, its last state and two classes; batch 32.
    public static let lstm = Workload(
        name: "lstm", input: .init("tokens", [128], .int32), label: .init("label", [], .int32),
        loss: .softmaxCrossEntropy, vocabularySize: 10_000,
        makeModel: {
            RecurrentClassifier(
                .lstm, vocabularySize: 10_000, width: 256, hiddenSize: 256, outputs: 2, layerCount: 2,
                paddingID: nil)
        })

    /// A Transformer encoder of BERT-base's width with 4 layers, on 8 × 128 tokens.
    public static let bert = Workload(
        name: "bert", batchSize: 8, unit: "tokens", unitsPerSample: 128,
        input: .init("tokens", [128], .int32), label: .init("label", [], .int32), loss: .softmaxCrossEntropy,
        vocabularySize: 30_522,
        makeModel: { BERTClassifier(.init(layers: 4), classes: 2) })

    /// GPT-2 small: 12 layers, 768 wide, 12 heads, vocabulary 50,257, on one row of 1,024 tokens.
    public static let gpt2 = Workload(
        name: "gpt2", batchSize: 1, unit: "tokens", unitsPerSample: 1024,
        input: .init("tokens", [1024], .int32), label: .init("next", [1024], .int32),
        loss: .softmaxCrossEntropy, vocabularySize: 50_257, classCount: 50_257,
        makeModel: { GPT(.init()) })

    /// All workloads.
    public static let all = [mlp, text, cnn, resnet, gpt, lstm, bert, gpt2]

    /// A workload by name.
    /// - Throws: `LockstepError` (2) with the names there are.
    public static func named(_ name: String) throws -> Workload {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw LockstepError(
            .usage, "no workload '\(name)'", remedy: Suggestions.remedy(for: name, among: all.map(\.name)))
    }

    /// The workload as a benchmark trains it: Adam, one logical shard a lane, each with a batch of its own.
    /// - Parameter recompute: what backward computes again.
    public func subject(recompute: Recompute = .nothing) -> BenchmarkSubject {
        let workload = self
        return BenchmarkSubject(
            name: name, unit: unit,
            unitsPerStep: { workload.batchSize * workload.unitsPerSample * $0 }, logicalShards: { $0 },
            configuration: { _ in
                let model = SharedModel(workload.makeModel())
                return ReplicaConfiguration(
                    update: UpdateOptions(Adam()), seed: 0,
                    trace: { try workload.trace(model.layer, sampleCount: $0, recompute: recompute) },
                    makeSource: { shards, _ in
                        FixedSource(workload, sampleCount: workload.batchSize, shard: shards.lowerBound)
                    })
            })
    }

    /// The training trace for a number of samples.
    func trace(_ model: any Layer, sampleCount: Int, recompute: Recompute) throws -> ModelTrace {
        try ModelTrace(
            model, sampleCount: sampleCount, input: input, label: label, loss: loss, isTraining: true,
            recompute: recompute)
    }
}

/// A model shared by lanes that only read it.
private struct SharedModel: @unchecked Sendable {
    let layer: any Layer
    init(_ layer: any Layer) { self.layer = layer }
}
