import Graphs

/// A convolution of images: [batch, inputs, height, width] → [batch, channels, height′, width′],
/// activation(x ∗ W + b). The input channels are inferred.
///
/// Weights start as He et al. (2015) advise for layers followed by ReLU. Checkpoints hold `weight` as PyTorch's Conv2d
/// does, [channels, inputs / groups, kernel height, kernel width].
public final class Conv2d: Layer {
    /// Output channels.
    public let channels: Int
    /// Height and width of the kernel.
    public let kernel: Extents
    /// The step of the kernel.
    public let stride: Extents
    /// Zeros around the image.
    public let padding: ConvolutionPadding
    /// The distance between the kernel's taps.
    public let dilation: Extents
    /// Into how many independent convolutions the channels are cut; as many as channels is a depthwise convolution.
    public let groups: Int
    /// The function applied to the result.
    public let activation: Activation?
    /// Whether a bias is added.
    public let hasBias: Bool
    private let initializer: any Initializer

    /// Creates a layer.
    public init(
        _ channels: Int, kernel: Extents, stride: Extents = 1, padding: ConvolutionPadding = .valid,
        dilation: Extents = 1, groups: Int = 1, activation: Activation? = nil, bias: Bool = true,
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

    /// Traces the convolution and the activation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "conv2d") {
            let inputs = try input.channelsPerGroup(rank: 4, groups: groups, outputs: channels)
            let geometry = ConvolutionGeometry(
                stride: stride,
                padding: try padding.extents(kernel: kernel, dilation: dilation, of: input),
                dilation: dilation, groups: groups)
            let weight = try graph.parameter(
                "weight", of: self, shape: [channels, inputs, kernel.height, kernel.width],
                initializer: initializer)
            let bias =
                hasBias
                ? try graph.parameter(
                    "bias", of: self, shape: [channels], initializer: Zeros(), isRegularized: false) : nil
            let result = try input.convolved(with: weight, bias: bias, geometry)
            return try activation.map { try result.activated($0) } ?? result
        }
    }
}
