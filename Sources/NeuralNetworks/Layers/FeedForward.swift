import Graphs

/// The two products of a transformer block, applied to each token: [..., width] → hidden → [..., width].
///
/// Gated, the hidden numbers are activation(x·G) ⊙ (x·U), with `silu` the SwiGLU of Llama (Shazeer 2020).
public struct FeedForward: Layer {
    /// `linear1`, or `gate_proj`.
    public let first: Dense
    /// `up_proj` of a gated one.
    public let gated: Dense?
    /// `linear2`, or `down_proj`.
    public let second: Dense
    private let dropout: Dropout

    /// Creates a layer.
    /// - Parameters:
    ///   - hidden: numbers between the products.
    ///   - dropout: the rate after the activation.
    ///   - outputInitializer: of the second product; the same as of the first unless told otherwise.
    public init(
        width: Int, hidden: Int, activation: Activation = .gelu, isGated: Bool = false, bias: Bool = true,
        dropout: Double = 0, initializer: any Initializer = Glorot(),
        outputInitializer: (any Initializer)? = nil, storage: ParameterStorage = .transposed
    ) {
        first = Dense(
            hidden, activation: activation, bias: bias, initializer: initializer, storage: storage)
        gated = isGated ? Dense(hidden, bias: bias, initializer: initializer, storage: storage) : nil
        second = Dense(width, bias: bias, initializer: outputInitializer ?? initializer, storage: storage)
        self.dropout = Dropout(dropout)
    }

    /// The products by PyTorch's names, or Llama's where gated.
    public var namedLayers: [(name: String, layer: any Layer)] {
        guard let gated else { return [("linear1", first), ("linear2", second)] }
        return [("gate_proj", first), ("up_proj", gated), ("down_proj", second)]
    }

    /// Traces the products.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        var hidden = try first(input)
        if let gated { hidden = try hidden * gated(input) }
        var result = try second(dropout(hidden))
        result.mask = input.mask
        return result
    }
}
