import Diagnostics
import Graphs

/// Two 3×3 convolutions, each with batch norm, around a short cut (He et al. 2015, "Deep residual learning for image
/// recognition", section 3.2).
public struct ResidualBlock: Layer {
    /// The first convolution; it may halve the image.
    public let conv1: Conv2d
    /// Behind the first convolution.
    public let bn1 = BatchNorm()
    /// The second convolution.
    public let conv2: Conv2d
    /// Behind the second convolution.
    public let bn2 = BatchNorm()
    /// A 1×1 convolution with batch norm where the short cut changes the shape, and parameters are allowed.
    public let downsample: Sequential?
    private let stride: Int
    private let channels: Int

    /// Creates a block.
    /// - Parameters:
    ///   - changesShape: whether the short cut has to.
    ///   - projects: whether it does so by a 1×1 convolution (option B of section 3.3) rather than by leaving pixels out
    ///     and adding channels of zeros (option A).
    init(_ channels: Int, stride: Int, changesShape: Bool, projects: Bool) {
        self.channels = channels
        self.stride = stride
        conv1 = Conv2d(channels, kernel: 3, stride: Extents(stride, stride), padding: 1, bias: false)
        conv2 = Conv2d(channels, kernel: 3, padding: 1, bias: false)
        downsample =
            changesShape && projects
            ? Sequential {
                Conv2d(channels, kernel: 1, stride: Extents(stride, stride), bias: false)
                BatchNorm()
            } : nil
    }

    /// [batch, inputs, height, width] → [batch, channels, height / stride, width / stride].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.graph.block {
            let inside = try bn1(conv1(input)).activated(.relu)
            let result = try bn2(conv2(inside))
            return try (result + shortCut(input)).activated(.relu)
        }
    }

    private func shortCut(_ input: Tensor) throws -> Tensor {
        if let downsample { return try downsample(input) }
        guard stride != 1 || input.shape[1] != channels else { return input }
        let smaller = try stride == 1 ? input : AvgPool2d(1, stride: Extents(stride, stride))(input)
        return try smaller.padded(before: [0, 0, 0, 0], after: [0, channels - input.shape[1], 0, 0])
    }
}

/// A residual network of images [channels, height, width] (He et al. 2015, "Deep residual learning for image
/// recognition"), with the names of torchvision's ResNet.
public struct ResidualNetwork: Layer {
    /// The stem's convolution.
    public let conv1: Conv2d
    /// Behind the stem's convolution.
    public let bn1 = BatchNorm()
    /// The stem's pooling; `nil` for small images.
    public let maxpool: MaxPool2d?
    /// Blocks at the stem's resolution.
    public let layer1: Sequential
    /// Blocks at half of it.
    public let layer2: Sequential
    /// Blocks at a quarter of it.
    public let layer3: Sequential
    /// Blocks at an eighth of it; `nil` in the form for CIFAR.
    public let layer4: Sequential?
    /// The classifier on the mean over all pixels.
    public let fc: Dense

    private init(
        stem: Conv2d, pooling: MaxPool2d?, widths: [Int], blocks: [Int], projects: Bool, classes: Int
    ) {
        conv1 = stem
        maxpool = pooling
        var inputs = stem.channels
        var stages: [Sequential] = []
        for (stage, (width, count)) in zip(widths, blocks).enumerated() {
            let stride = stage == 0 ? 1 : 2
            let changesShape = stride != 1 || inputs != width
            stages.append(
                Sequential(
                    (0..<count).map { block in
                        ResidualBlock(
                            width, stride: block == 0 ? stride : 1,
                            changesShape: block == 0 && changesShape, projects: projects)
                    }))
            inputs = width
        }
        (layer1, layer2, layer3) = (stages[0], stages[1], stages[2])
        layer4 = stages.count > 3 ? stages[3] : nil
        fc = Dense(classes)
    }

    /// The form for CIFAR's images of 32×32 (section 4.2): 6n + 2 layers of widths 16, 32 and 64.
    /// - Parameters:
    ///   - depth: 20, 32, 44, 56 or 110 in the paper.
    ///   - projects: whether short cuts that change shape are 1×1 convolutions; the paper's have no parameters.
    /// - Throws: `LockstepError` when the depth is not 6n + 2.
    public static func cifar(depth: Int, classes: Int = 10, projects: Bool = false) throws
        -> ResidualNetwork
    {
        guard depth >= 8, (depth - 2) % 6 == 0 else {
            throw LockstepError(
                .usage, "a residual network for CIFAR of \(depth) layers",
                remedy: "use 6n + 2 layers: 8, 14, 20, 26, 32 …")
        }
        return ResidualNetwork(
            stem: Conv2d(16, kernel: 3, padding: 1, bias: false), pooling: nil, widths: [16, 32, 64],
            blocks: Array(repeating: (depth - 2) / 6, count: 3), projects: projects, classes: classes)
    }

    /// ResNet-18 (table 1).
    /// - Parameter smallImages: whether the stem keeps the resolution, for images of about 32×32: a 3×3 convolution
    ///   instead of 7×7 by steps of 2 and a pooling.
    public static func resNet18(classes: Int = 1000, smallImages: Bool = false) -> ResidualNetwork {
        let stem =
            smallImages
            ? Conv2d(64, kernel: 3, padding: 1, bias: false)
            : Conv2d(64, kernel: 7, stride: 2, padding: 3, bias: false)
        return ResidualNetwork(
            stem: stem, pooling: smallImages ? nil : MaxPool2d(3, stride: 2, padding: 1),
            widths: [64, 128, 256, 512], blocks: [2, 2, 2, 2], projects: true, classes: classes)
    }

    /// [batch, channels, height, width] → [batch, classes].
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        var x = try bn1(conv1(input)).activated(.relu)
        if let maxpool { x = try maxpool(x) }
        for stage in [layer1, layer2, layer3] + [layer4].compactMap({ $0 }) { x = try stage(x) }
        return try fc(GlobalAveragePool()(x))
    }
}
