/// The transpose of a convolution's linear map: (image [N, O, H', W'], weight [O, C / groups, kh, kw])
/// → [N, C, H, W] with H = (H' − 1)·stride − 2·padding + dilation·(kh − 1) + 1 + output padding, and W likewise.
///
/// It is a convolution's gradient by its image, and the forward pass of PyTorch's ConvTranspose2d, whose weight is
/// [inputs, outputs / groups, kh, kw].
public struct TransposedConvolution: Operation {
    /// Stride, padding, dilation and groups of the convolution that this one transposes.
    public let geometry: ConvolutionGeometry
    /// Rows and columns added at the end, which tell images apart that the convolution maps to the same extents.
    public let outputPadding: Extents
    /// `transposed-convolution`.
    public var name: String { "transposed-convolution" }

    /// Creates the operation.
    public init(_ geometry: ConvolutionGeometry, outputPadding: Extents = 0) {
        self.geometry = geometry
        self.outputPadding = outputPadding
    }

    /// The images that the convolution would have come from.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (image, weight) = (operands[0].shape, operands[1].shape)
        try geometry.requireOperands(image, weight, name: name)
        guard weight[0] == image[1], image[1] % geometry.groups == 0 else {
            throw ShapeError(
                "a transposed convolution with weights \(weight) and \(geometry.groups) groups does not fit an"
                    + " image \(image)",
                remedy: "give it an image of \(weight[0]) channels, and groups that divide them")
        }
        guard (0..<geometry.stride.height).contains(outputPadding.height),
            (0..<geometry.stride.width).contains(outputPadding.width)
        else {
            throw ShapeError(
                "an output padding of \(outputPadding) with stride \(geometry.stride)",
                remedy: "use an output padding below the stride")
        }
        let pixels = geometry.image(image.pixels, weight.pixels, outputPadding: outputPadding)
        guard pixels.height > 0, pixels.width > 0 else {
            throw ShapeError(
                "a transposed convolution of \(image) with padding \(geometry.padding) leaves \(pixels) pixels",
                remedy: "use less padding")
        }
        return TensorType([image[0], weight[1] * geometry.groups, pixels.height, pixels.width])
    }

    /// The convolution itself carries the gradient back; the weight's is the convolution's, with image and upstream
    /// changing places.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let weightGradient = ConvolutionWeightGradient(
            geometry, kernel: operands[1].shape.pixels, hasBias: false)
        return [
            try upstream.convolved(with: operands[1], geometry),
            try upstream.graph.apply(weightGradient, to: [upstream, operands[0]]),
        ]
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (image, weight) = (operands[0], operands[1])
        let pixels = geometry.image(image.shape.pixels, weight.shape.pixels, outputPadding: outputPadding)
        let shape: Shape = [
            image.shape[0], weight.shape[1] * geometry.groups, pixels.height, pixels.width,
        ]
        var result = ReferenceArray(shape, repeating: 0)
        geometry.forEachProduct(image: shape, weight: weight.shape, result: image.shape) {
            result.values[$0] += image.values[$2] * weight.values[$1]
        }
        return result
    }
}

extension Tensor {
    /// A transposed convolution of the images in this tensor; see ``TransposedConvolution``.
    public func transposedConvolved(
        with weight: Tensor, _ geometry: ConvolutionGeometry = ConvolutionGeometry(),
        outputPadding: Extents = 0
    ) throws -> Tensor {
        try graph.apply(TransposedConvolution(geometry, outputPadding: outputPadding), to: [self, weight])
    }
}
