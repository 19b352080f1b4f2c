/// The greatest pixel of every window: [N, C, H, W] → [N, C, H', W']. NaN is greater than all.
///
/// Its companion is the winner's number in its window (the first one of equals, in row-major order, as in PyTorch).
public struct MaxPool: Operation {
    /// The window.
    public let window: PoolingWindow
    /// `max-pool`.
    public var name: String { "max-pool" }

    /// Creates the operation.
    public init(_ window: PoolingWindow) { self.window = window }

    /// What holds a winner's number; a window of 255 pixels leaves one number free for "nobody".
    public var placeElement: ElementType { window.area < 256 ? .uint8 : .int32 }

    /// The images of the windows' maxima.
    public func resultType(of operands: [TensorType]) throws -> TensorType {
        try requireNumbers(operands, name: name)
        return TensorType(try window.resultShape(operands[0].shape, name: name))
    }

    /// The winners' numbers.
    public func companionTypes(of operands: [TensorType]) throws -> [TensorType] {
        [TensorType(try window.resultShape(operands[0].shape, name: name), placeElement)]
    }

    /// Each window's gradient goes to its winner.
    public func gradients(operands: [Tensor], result: Tensor, upstream: Tensor) throws -> [Tensor?] {
        let gradient = MaxPoolGradient(window, image: operands[0].shape)
        return [try upstream.graph.apply(gradient, to: [upstream, result.companion(0)])]
    }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        maxima(operands[0]).values
    }

    /// The winners' numbers.
    public func companionReferences(_ operands: [ReferenceArray], in context: ReferenceContext)
        -> [ReferenceArray]
    { [maxima(operands[0]).places] }

    private func maxima(_ image: ReferenceArray) -> (values: ReferenceArray, places: ReferenceArray) {
        let windows = window.windows(image.shape)
        let shape: Shape = [image.shape[0], image.shape[1], windows.height, windows.width]
        var values = ReferenceArray(shape, repeating: -.infinity)
        var places = ReferenceArray(shape, repeating: 0)
        window.forEachWindow(image.shape) { result, pixels in
            for (index, pixel) in pixels.enumerated() {
                let value = image.values[pixel.image]
                guard index == 0 || value > values.values[result] || value.isNaN else { continue }
                values.values[result] = value
                places.values[result] = Double(pixel.number)
            }
        }
        return (values, places)
    }
}

/// The gradient of ``MaxPool``: (upstream [N, C, H', W'], winners' numbers) → [N, C, H, W].
public struct MaxPoolGradient: Operation {
    /// The window.
    public let window: PoolingWindow
    /// The shape of the images that were pooled.
    public let image: Shape
    /// `max-pool-gradient`.
    public var name: String { "max-pool-gradient" }

    /// Creates the operation.
    public init(_ window: PoolingWindow, image: Shape) {
        self.window = window
        self.image = image
    }

    /// The type of the images that were pooled.
    public func resultType(of operands: [TensorType]) throws -> TensorType { TensorType(image) }

    /// Plain loops.
    public func reference(_ operands: [ReferenceArray], in context: ReferenceContext) -> ReferenceArray {
        var result = ReferenceArray(image, repeating: 0)
        window.forEachWindow(image) { place, pixels in
            for pixel in pixels where Double(pixel.number) == operands[1].values[place] {
                result.values[pixel.image] += operands[0].values[place]
            }
        }
        return result
    }
}

extension Tensor {
    /// The greatest pixel of every window.
    public func maxPooled(_ window: PoolingWindow) throws -> Tensor {
        try graph.apply(MaxPool(window), to: [self])
    }
}
