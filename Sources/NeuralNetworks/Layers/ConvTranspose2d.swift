import Graphs

/// A transposed convolution of images, which makes them larger: [batch, inputs, height, width]
/// → [batch, channels, height′, width′] with height′ = (height − 1)·stride − 2·padding + dilation·(kernel − 1) + 1
/// + output padding. The input channels are inferred.
///
/// Checkpoints hold `weight` as PyTorch's ConvTranspose2d does, [inputs, channels / groups, kernel height, kernel
/// width].
public final class ConvTranspose2d: Layer {
    /// Output channels.
    public let channels: Int
    /// Height and width of the kernel.
    public let kernel: Extents
    /// Stride, padding, dilation and groups of the convolution that this one transposes.
    public let geometry: ConvolutionGeometry
    /// Rows and columns added at the end.
    public let outputPadding: Extents
    /// The function applied to the result.
    public let activation: Activation?
    /// Whether a bias is added.
    public let hasBias: Bool
    private let initializer: any Initializer

    /// Creates a layer.
    public init(
        _ channels: Int, kernel: Extents, stride: Extents = 1, padding: Extents = 0,
        outputPadding: Extents = 0, dilation: Extents = 1, groups: Int = 1, activation: Activation? = nil,
        bias: Bool = true, initializer: any Initializer = He()
    ) {
        self.channels = channels
        self.kernel = kernel
        geometry = ConvolutionGeometry(stride: stride, padding: padding, dilation: dilation, groups: groups)
        self.outputPadding = outputPadding
        self.activation = activation
        self.hasBias = bias
        self.initializer = initializer
    }

    /// Traces the convolution, the bias and the activation.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        let graph = input.graph
        return try graph.scope(of: self, kind: "convtranspose2d") {
            _ = try input.channelsPerGroup(rank: 4, groups: geometry.groups, outputs: channels)
            let shape: Shape = [
                input.shape[1], channels / geometry.groups, kernel.height, kernel.width,
            ]
            let weight = try graph.parameter("weight", of: self, shape: shape, initializer: initializer)
            var result = try input.transposedConvolved(
                with: weight, geometry, outputPadding: outputPadding)
            if hasBias {
                let bias = try graph.parameter(
                    "bias", of: self, shape: [channels], initializer: Zeros(), isRegularized: false)
                result = try result.addingChannelBias(bias)
            }
            return try activation.map { try result.activated($0) } ?? result
        }
    }
}
