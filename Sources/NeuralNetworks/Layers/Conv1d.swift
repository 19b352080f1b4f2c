import Graphs

/// A convolution of sequences: [batch, inputs, length] → [batch, channels, length′], activation(x ∗ W + b). The input
/// channels are inferred. (Tokens come as [batch, length, width]; transpose them first.)
///
/// Weights start as He et al. (2015) advise for layers followed by ReLU. Checkpoints hold `weight` as PyTorch's Conv1d
/// does, [channels, inputs / groups, kernel].
public final class Conv1d: Layer {
    /// Output channels.
    public let channels: Int
    /// The kernel's length.
    public let kernel: Int
    /// The step of the kernel.
    public let stride: Int
    /// Zeros on both sides of the sequence.
    public let padding: ConvolutionPadding
    /// The distance between the kernel's taps.
    public let dilation: Int
    /// Into how many independent convolutions the channels are cut.
    public let groups: Int
    /// The function applied to the result.
    public let activation: Activation?
    /// Whether a bias is added.
    public let hasBias: Bool
    private let initializer: any Initializer

    /// Creates a layer.
    public init(
        _ channels: Int, kernel: Int, stride: Int = 1, padding: ConvolutionPadding = .valid,
        dilation: Int = 1, groups: Int = 1, activation: Activation? = nil, bias: Bool = true,
        initializer: any Initializer = He()
    ) {
        self.channels = channels
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.activation = activation
        self.hasBias = bias
        self.initializer = initializer
    }

    /// Traces the convolution of images one pixel high, and the activation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "conv1d") {
            let inputs = try input.channelsPerGroup(rank: 3, groups: groups, outputs: channels)
            var room = try padding.extents(
                kernel: Extents(1, kernel), dilation: Extents(1, dilation), of: input)
            room.height = 0
            let geometry = ConvolutionGeometry(
                stride: Extents(1, stride), padding: room, dilation: Extents(1, dilation), groups: groups)
            let weight = try graph.parameter(
                "weight", of: self, shape: [channels, inputs, kernel], initializer: initializer)
            let bias =
                hasBias
                ? try graph.parameter(
                    "bias", of: self, shape: [channels], initializer: Zeros(), isRegularized: false) : nil
            let image = try input.reshaped(to: [input.shape[0], input.shape[1], 1, input.shape[2]])
            var result = try image.convolved(
                with: weight.reshaped(to: [channels, inputs, 1, kernel]), bias: bias, geometry)
            if let activation { result = try result.activated(activation) }
            return try result.reshaped(to: [input.shape[0], channels, result.shape[3]])
        }
    }
}
