import Graphs

/// A fully connected layer: [..., inputs] → [..., width], activation(x·W + b). The input width is inferred.
///
/// Checkpoints hold `weight` as PyTorch's Linear does, [width, inputs], unless told otherwise.
public final class Dense: Layer, Adaptable {
    /// Outputs a sample.
    public let width: Int
    /// The function applied to the result.
    public let activation: Activation?
    /// Whether a bias is added.
    public let hasBias: Bool
    /// A change of low rank to the matrix; see ``Layer/addAdapters(_:to:)``.
    public internal(set) var adapter: LowRankAdapter?
    private let initializer: any Initializer
    private let storage: ParameterStorage

    /// Creates a layer.
    /// - Parameter storage: how checkpoints hold the weight; `.asIs` is [inputs, width].
    public init(
        _ width: Int, activation: Activation? = nil, bias: Bool = true,
        initializer: any Initializer = Glorot(), storage: ParameterStorage = .transposed
    ) {
        self.width = width
        self.activation = activation
        self.hasBias = bias
        self.initializer = initializer
        self.storage = storage
    }

    /// Traces the product, the bias and the activation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "dense") {
            let inputs = input.shape.rank > 0 ? input.shape[-1] : 1
            let weight = try graph.parameter(
                "weight", of: self, shape: [inputs, width], storage: storage, initializer: initializer)
            let rows = input.shape.elementCount / max(inputs, 1)
            var result = try input.reshaped(to: [rows, inputs]).matmul(weight)
            if hasBias {
                let bias = try graph.parameter(
                    "bias", of: self, shape: [width], initializer: Zeros(), isRegularized: false)
                result = try result.addingBias(bias)
            }
            if let adapter { result = try result + adapter.change(input, outputs: width) }
            if let activation { result = try result.activated(activation) }
            result = try result.reshaped(to: Shape(input.shape.dimensions.dropLast() + [width]))
            result.mask = input.mask
            return result
        }
    }
}
