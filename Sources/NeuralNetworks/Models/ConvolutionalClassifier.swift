import Graphs

/// Convolutions with ReLU and max pooling, then dense layers: a classifier of images [channels, height, width].
public struct ConvolutionalClassifier: Layer {
    /// 3×3 convolutions, each followed by batch norm where asked, ReLU and a max pooling of 2×2.
    public let features: Sequential
    /// Hidden layers, each followed by dropout where asked, and the output layer.
    public let classifier: DenseNetwork

    /// Creates a network.
    /// - Parameters:
    ///   - convolutions: output channels of each convolution.
    ///   - hidden: the widths of the dense hidden layers.
    ///   - classes: one output a class.
    ///   - padding: `.valid` shrinks the image by two pixels a convolution, `.same` keeps it.
    ///   - batchNorm: whether batch norm stands between each convolution and its ReLU.
    ///   - dropout: the rate after each dense hidden layer.
    public init(
        convolutions: [Int], hidden: [Int], classes: Int, padding: ConvolutionPadding = .valid,
        batchNorm: Bool = false, dropout: Double = 0
    ) {
        features = Sequential {
            for channels in convolutions {
                if batchNorm {
                    Conv2d(channels, kernel: 3, padding: padding, bias: false)
                    BatchNorm()
                    Activated(.relu)
                } else {
                    Conv2d(channels, kernel: 3, padding: padding, activation: .relu)
                }
                MaxPool2d(2)
            }
        }
        classifier = DenseNetwork(hidden: hidden, outputs: classes, dropout: dropout)
    }

    /// [batch, channels, height, width] → [batch, classes].
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try classifier(features(input)) }
}
