/// The window of a pooling: images are [N, C, H, W].
public struct PoolingWindow: Hashable, Sendable {
    /// Height and width of the window.
    public var kernel: Extents
    /// The step of the window.
    public var stride: Extents
    /// Pixels added on both sides; they never win a maximum.
    public var padding: Extents

    /// Creates a window.
    /// - Parameter stride: the window's own extents when `nil`, so that windows do not overlap.
    public init(_ kernel: Extents, stride: Extents? = nil, padding: Extents = 0) {
        self.kernel = kernel
        self.stride = stride ?? kernel
        self.padding = padding
    }

    /// Pixels of a window.
    public var area: Int { kernel.height * kernel.width }

    /// The shape of the pooled images.
    /// - Throws: `ShapeError` where the window does not fit.
    func resultShape(_ image: Shape, name: String) throws -> Shape {
        guard image.rank == 4 else {
            throw ShapeError(
                "\(name) takes images [batch, channels, height, width], got \(image)",
                remedy: "reshape the input to [batch, channels, height, width]")
        }
        guard kernel.isWithin(1), stride.isWithin(1), padding.isWithin(0),
            2 * padding.height <= kernel.height, 2 * padding.width <= kernel.width
        else {
            throw ShapeError(
                "\(name) with a window of \(kernel), stride \(stride) and padding \(padding)",
                remedy:
                    "use a window and a stride of at least 1, a padding of at most half the window, and none of"
                    + " millions")
        }
        let windows = windows(image)
        guard windows.height > 0, windows.width > 0 else {
            throw ShapeError(
                "a window of \(kernel) is larger than the image \(image) with padding \(padding)",
                remedy: "use a smaller window, or fewer layers that shrink the image")
        }
        return [image[0], image[1], windows.height, windows.width]
    }

    /// How many windows fit.
    func windows(_ image: Shape) -> Extents {
        ConvolutionGeometry(stride: stride, padding: padding).windows(image.pixels, kernel)
    }

    /// Calls `body` for every window with the place of its result and the places of its pixels inside the image,
    /// each with its number in the window.
    func forEachWindow(
        _ image: Shape, _ body: (_ result: Int, _ pixels: [(image: Int, number: Int)]) -> Void
    ) {
        let (windows, height, width) = (windows(image), image[2], image[3])
        for plane in 0..<(image[0] * image[1]) {
            for (y, x) in pairs(windows.height, windows.width) {
                var pixels: [(image: Int, number: Int)] = []
                for (ky, kx) in pairs(kernel.height, kernel.width) {
                    let row = y * stride.height - padding.height + ky
                    let column = x * stride.width - padding.width + kx
                    guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
                    pixels.append(((plane * height + row) * width + column, ky * kernel.width + kx))
                }
                body((plane * windows.height + y) * windows.width + x, pixels)
            }
        }
    }
}
