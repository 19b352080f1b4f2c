/// A convolution (cross-correlation, as all frameworks have it) of images with a bias on request:
/// (image [N, C, H, W], weight [O, C / groups, kh, kw], bias [O]?) → [N, O, H', W'] with
/// H' = ⌊(H + 2·padding − dilation·(kh − 1) − 1) / stride⌋ + 1, and W' likewise.
public struct Convolution: Operation {
    /// Stride, padding, dilation and groups.
    public let geometry: ConvolutionGeometry
    /// `convolution`.
    public var name: String { "convolution" }

    /// Creates the operation.
    public init(_ geometry: ConvolutionGeometry) { self.geometry = geometry }

    /// The images of the windows' products.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (image, weight) = (operands[0].shape, operands[1].shape)
        try geometry.requireOperands(image, weight, name: name)
        let groups = geometry.groups
        guard image[1] % groups == 0, weight[0] % groups == 0, weight[0] > 0 else {
            throw ShapeError(
                "\(groups) groups do not divide \(image[1]) input and \(weight[0]) output channels",
                remedy: "use groups that divide both")
        }
        guard weight[1] * groups == image[1] else {
            throw ShapeError(
                "a convolution with weights \(weight) and \(groups) groups does not fit an image \(image)",
                remedy: "give it an image of \(weight[1] * groups) channels")
        }
        let windows = geometry.windows(image.pixels, weight.pixels)
        guard windows.height > 0, windows.width > 0 else {
            throw ShapeError(
                "a kernel of \(weight.pixels) (dilated \(geometry.span(weight.pixels))) is larger than the image"
                    + " \(image) with padding \(geometry.padding)",
                remedy: "use a smaller kernel, fewer layers that shrink the image, or more padding")
        }
        if operands.count > 2, operands[2].shape != [weight[0]] {
            throw ShapeError(
                "a bias of \(operands[2].shape) does not fit weights \(weight)",
                remedy: "make the bias as long as there are output channels")
        }
        return TensorType([image[0], weight[0], windows.height, windows.width])
    }

    /// The image's by the transposed convolution, the weight's and the bias's by one further operation.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let (image, weight) = (operands[0], operands[1])
        let padding = geometry.remainder(image.shape.pixels, weight.shape.pixels)
        let back = TransposedConvolution(geometry, outputPadding: padding)
        let weightGradient = ConvolutionWeightGradient(
            geometry, kernel: weight.shape.pixels, hasBias: operands.count > 2)
        let gradient = try upstream.graph.apply(weightGradient, to: [image, upstream])
        return [try upstream.graph.apply(back, to: [upstream, weight]), gradient]
            + (operands.count > 2 ? [gradient.companion(0)] : [])
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (image, weight) = (operands[0], operands[1])
        let windows = geometry.windows(image.shape.pixels, weight.shape.pixels)
        var result = ReferenceArray(
            [image.shape[0], weight.shape[0], windows.height, windows.width], repeating: 0)
        if operands.count > 2 {
            let pixels = windows.height * windows.width
            for index in result.values.indices {
                result.values[index] = operands[2].values[index / pixels % weight.shape[0]]
            }
        }
        geometry.forEachProduct(image: image.shape, weight: weight.shape, result: result.shape) {
            result.values[$2] += image.values[$0] * weight.values[$1]
        }
        return result
    }
}

/// The gradient of a convolution by its weight: (image [N, C, H, W], upstream [N, O, H', W'])
/// → [O, C / groups, kh, kw]; its companion is the gradient by the bias, [O].
public struct ConvolutionWeightGradient: Operation {
    /// Stride, padding, dilation and groups of the convolution.
    public let geometry: ConvolutionGeometry
    /// Height and width of the weight.
    public let kernel: Extents
    /// Whether the convolution adds a bias.
    public let hasBias: Bool
    /// `convolution-weight-gradient`.
    public var name: String { "convolution-weight-gradient" }

    /// Creates the operation.
    public init(_ geometry: ConvolutionGeometry, kernel: Extents, hasBias: Bool) {
        self.geometry = geometry
        self.kernel = kernel
        self.hasBias = hasBias
    }

    /// The weight's type.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        let (image, upstream) = (operands[0].shape, operands[1].shape)
        return TensorType([upstream[1], image[1] / geometry.groups, kernel.height, kernel.width])
    }

    /// The bias's type.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        hasBias ? [TensorType([operands[1].shape[1]])] : []
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let (image, upstream) = (operands[0], operands[1])
        let shape: Shape = [
            upstream.shape[1], image.shape[1] / geometry.groups, kernel.height, kernel.width,
        ]
        var result = ReferenceArray(shape, repeating: 0)
        geometry.forEachProduct(image: image.shape, weight: shape, result: upstream.shape) {
            result.values[$1] += image.values[$0] * upstream.values[$2]
        }
        return result
    }

    /// The upstream gradient summed over samples and pixels.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    {
        let upstream = operands[1]
        let (outputs, pixels) = (upstream.shape[1], upstream.shape[2] * upstream.shape[3])
        var result = ReferenceArray([outputs], repeating: 0)
        for (index, value) in upstream.values.enumerated() {
            result.values[index / pixels % outputs] += value
        }
        return hasBias ? [result] : []
    }
}

extension Tensor {
    /// A convolution of the images in this tensor; see ``Convolution``.
    public func convolved(
        with weight: Tensor, bias: Tensor? = nil, _ geometry: ConvolutionGeometry = ConvolutionGeometry()
    ) throws -> Tensor {
        try graph.apply(Convolution(geometry), to: [self, weight] + (bias.map { [$0] } ?? []))
    }
}
