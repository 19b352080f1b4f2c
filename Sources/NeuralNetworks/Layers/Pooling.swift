import Graphs

/// The greatest value of every window: [batch, channels, height, width] → [batch, channels, height′, width′].
public struct MaxPool2d: Layer {
    /// The window.
    public let window: PoolingWindow

    /// Creates a layer.
    /// - Parameter stride: the window's own extents when left out.
    public init(_ kernel: Extents, stride: Extents? = nil, padding: Extents = 0) {
        window = PoolingWindow(kernel, stride: stride, padding: padding)
    }

    /// Traces the pooling.
    public func callAsFunction(_ input: Tensor) throws -> Tensor { try input.maxPooled(window) }
}

/// The greatest value of every window of a sequence: [batch, channels, length] → [batch, channels, length′].
public struct MaxPool1d: Layer {
    /// The window.
    public let window: PoolingWindow

    /// Creates a layer.
    /// - Parameter stride: the window's own length when left out.
    public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0) {
        window = PoolingWindow(
            Extents(1, kernel), stride: Extents(1, stride ?? kernel), padding: Extents(0, padding))
    }

    /// Traces the pooling.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.asSequenceImages { try $0.maxPooled(window) }
    }
}

/// The mean of every window: [batch, channels, height, width] → [batch, channels, height′, width′].
public struct AvgPool2d: Layer {
    /// The window.
    public let window: PoolingWindow
    /// Whether padding counts in the divisor.
    public let countsPadding: Bool

    /// Creates a layer.
    /// - Parameter stride: the window's own extents when left out.
    public init(
        _ kernel: Extents, stride: Extents? = nil, padding: Extents = 0, countsPadding: Bool = true
    ) {
        window = PoolingWindow(kernel, stride: stride, padding: padding)
        self.countsPadding = countsPadding
    }

    /// Traces the pooling.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.averagePooled(window, countsPadding: countsPadding)
    }
}

/// The mean of every window of a sequence: [batch, channels, length] → [batch, channels, length′].
public struct AvgPool1d: Layer {
    /// The window.
    public let window: PoolingWindow
    /// Whether padding counts in the divisor.
    public let countsPadding: Bool

    /// Creates a layer.
    /// - Parameter stride: the window's own length when left out.
    public init(_ kernel: Int, stride: Int? = nil, padding: Int = 0, countsPadding: Bool = true) {
        window = PoolingWindow(
            Extents(1, kernel), stride: Extents(1, stride ?? kernel), padding: Extents(0, padding))
        self.countsPadding = countsPadding
    }

    /// Traces the pooling.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.asSequenceImages { try $0.averagePooled(window, countsPadding: countsPadding) }
    }
}

/// The mean of each channel: [batch, channels, …] → [batch, channels].
public struct GlobalAveragePool: Layer {
    /// Creates a layer.
    public init() {}

    /// Traces the pooling.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.globallyPooled { try $0.averagePooled(PoolingWindow($1)) }
    }
}

/// The greatest value of each channel: [batch, channels, …] → [batch, channels].
public struct GlobalMaxPool: Layer {
    /// Creates a layer.
    public init() {}

    /// Traces the pooling.
    public func callAsFunction(_ input: Tensor) throws -> Tensor {
        try input.globallyPooled { try $0.maxPooled(PoolingWindow($1)) }
    }
}

extension Tensor {
    /// A function of images applied to sequences [batch, channels, length] as images one pixel high.
    func asSequenceImages(_ body: (Tensor) throws -> Tensor) throws -> Tensor {
        guard shape.rank == 3 else {
            throw misfit(
                "the pooling takes [batch, channels, length], got \(shape)",
                remedy: "reshape the input, or use the pooling of images")
        }
        let result = try body(reshaped(to: [shape[0], shape[1], 1, shape[2]]))
        return try result.reshaped(to: [shape[0], shape[1], result.shape[3]])
    }

    /// A pooling over everything but batch and channels.
    func globallyPooled(_ body: (Tensor, Extents) throws -> Tensor) throws -> Tensor {
        guard shape.rank == 3 || shape.rank == 4 else {
            throw misfit(
                "global pooling takes [batch, channels, length] or [batch, channels, height, width], got \(shape)",
                remedy: "reshape the input to one of these")
        }
        let pixels = shape.rank == 4 ? Extents(shape[2], shape[3]) : Extents(1, shape[2])
        let image = try reshaped(to: [shape[0], shape[1], pixels.height, pixels.width])
        return try body(image, pixels).reshaped(to: [shape[0], shape[1]])
    }
}
