/// Convolutions with ReLU and max pooling, then dense layers: the keys of `model.kind: cnn`.
public struct ConvolutionPart: Sendable, Equatable {
    /// What lies around an image.
    public enum Padding: String, Sendable, CaseIterable {
        /// Nothing: a convolution shrinks the image by two pixels.
        case valid
        /// Zeros: a convolution keeps the image's size.
        case same
    }

    /// The output channels of each 3×3 convolution; a max pooling of 2×2 follows each.
    public var convolutions: [Int]
    /// What lies around an image.
    public var padding: Padding
    /// Whether each convolution is followed by batch norm.
    public var batchNorm: Bool
    /// The widths of the dense hidden layers.
    public var hidden: [Int]
    /// The probability with which an output of a dense hidden layer is dropped in training.
    public var dropout: Double

    /// Creates the part.
    public init(
        convolutions: [Int] = [32, 64], padding: Padding = .valid, batchNorm: Bool = false,
        hidden: [Int] = [64], dropout: Double = 0
    ) {
        self.convolutions = convolutions
        self.padding = padding
        self.batchNorm = batchNorm
        self.hidden = hidden
        self.dropout = dropout
    }
}

extension ConvolutionPart: NetworkPart {
    init(_ reader: RecipeReader) throws {
        convolutions = try reader.integers(
            "convolutions", in: 1...65_536, maximumCount: 20, default: [32, 64])
        padding = try reader.choice("padding", default: .valid)
        batchNorm = try reader.flag("batchNorm", default: false)
        hidden = try reader.integers("hidden", in: 1...1_000_000, maximumCount: 1_000, default: [64])
        dropout = try reader.number("dropout", .below(0, 1), default: 0)
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("convolutions", convolutions)
        keys.add("padding", padding.rawValue)
        keys.add("batchNorm", batchNorm)
        keys.add("hidden", hidden)
        keys.add("dropout", dropout)
    }
}
