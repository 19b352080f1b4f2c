import Graphs

/// A transposed convolution of sequences, which makes them longer: [batch, inputs, length] → [batch, channels, length′]
/// with length′ = (length − 1)·stride − 2·padding + dilation·(kernel − 1) + 1 + output padding. The input channels are
/// inferred.
///
/// Checkpoints hold `weight` as PyTorch's ConvTranspose1d does, [inputs, channels / groups, kernel].
public final class ConvTranspose1d: Layer {
    /// Output channels.
    public let channels: Int
    /// The kernel's length.
    public let kernel: Int
    /// Stride, padding, dilation and groups of the convolution that this one transposes.
    public let geometry: ConvolutionGeometry
    /// Elements added at the end.
    public let outputPadding: Int
    /// The function applied to the result.
    public let activation: Activation?
    /// Whether a bias is added.
    public let hasBias: Bool
    private let initializer: any Initializer

    /// Creates a layer.
    public init(
        _ channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        dilation: Int = 1, groups: Int = 1, activation: Activation? = nil, bias: Bool = true,
        initializer: any Initializer = He()
    ) {
        self.channels = channels
        self.kernel = kernel
        geometry = ConvolutionGeometry(
            stride: Extents(1, stride), padding: Extents(0, padding), dilation: Extents(1, dilation),
            groups: groups)
        self.outputPadding = outputPadding
        self.activation = activation
        self.hasBias = bias
        self.initializer = initializer
    }

    /// Traces the convolution of images one pixel high, the bias and the activation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "convtranspose1d") {
            _ = try input.channelsPerGroup(rank: 3, groups: geometry.groups, outputs: channels)
            let outputs = channels / geometry.groups
            let weight = try graph.parameter(
                "weight", of: self, shape: [input.shape[1], outputs, kernel], initializer: initializer)
            let image = try input.reshaped(to: [input.shape[0], input.shape[1], 1, input.shape[2]])
            var result = try image.transposedConvolved(
                with: weight.reshaped(to: [input.shape[1], outputs, 1, kernel]), geometry,
                outputPadding: Extents(0, outputPadding))
            if hasBias {
                let bias = try graph.parameter(
                    "bias", of: self, shape: [channels], initializer: Zeros(), isRegularized: false)
                result = try result.addingChannelBias(bias)
            }
            if let activation { result = try result.activated(activation) }
            return try result.reshaped(to: [input.shape[0], channels, result.shape[3]])
        }
    }
}
