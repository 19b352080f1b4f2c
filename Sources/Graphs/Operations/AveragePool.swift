/// The mean of every window: [N, C, H, W] → [N, C, H', W'].
public struct AveragePool: Operation {
    /// The window.
    public let window: PoolingWindow
    /// Whether padded pixels count in the divisor (as zeros), as PyTorch's `count_include_pad`.
    public let countsPadding: Bool
    /// `average-pool`.
    public var name: String { "average-pool" }

    /// Creates the operation.
    public init(_ window: PoolingWindow, countsPadding: Bool = true) {
        self.window = window
        self.countsPadding = countsPadding
    }

    /// The images of the windows' means.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        return TensorType(try window.resultShape(operands[0].shape, name: name))
    }

    /// Each pixel gets its share of the gradients of the windows that it is in.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = AveragePoolGradient(
            window, countsPadding: countsPadding, image: operands[0].shape)
        return [try upstream.graph.apply(gradient, to: [upstream])]
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        let image = operands[0]
        let windows = window.windows(image.shape)
        var result = ReferenceArray(
            [image.shape[0], image.shape[1], windows.height, windows.width], repeating: 0)
        window.forEachWindow(image.shape) { place, pixels in
            let divisor = Double(countsPadding ? window.area : pixels.count)
            result.values[place] = pixels.reduce(0) { $0 + image.values[$1.image] } / divisor
        }
        return result
    }
}

/// The gradient of ``AveragePool``: upstream [N, C, H', W'] → [N, C, H, W].
public struct AveragePoolGradient: Operation {
    /// The window.
    public let window: PoolingWindow
    /// Whether padded pixels count in the divisor.
    public let countsPadding: Bool
    /// The shape of the images that were pooled.
    public let image: Shape
    /// `average-pool-gradient`.
    public var name: String { "average-pool-gradient" }

    /// Creates the operation.
    public init(_ window: PoolingWindow, countsPadding: Bool, image: Shape) {
        self.window = window
        self.countsPadding = countsPadding
        self.image = image
    }

    /// The type of the images that were pooled.
    public func resultType(of operands: [TensorType]) throws -> TensorType { TensorType(image) }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        var result = ReferenceArray(image, repeating: 0)
        window.forEachWindow(image) { place, pixels in
            let share = operands[0].values[place] / Double(countsPadding ? window.area : pixels.count)
            for pixel in pixels { result.values[pixel.image] += share }
        }
        return result
    }
}

extension Tensor {
    /// The mean of every window.
    public func averagePooled(_ window: PoolingWindow, countsPadding: Bool = true) throws -> Tensor {
        try graph.apply(AveragePool(window, countsPadding: countsPadding), to: [self])
    }
}
