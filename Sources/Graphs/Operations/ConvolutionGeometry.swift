/// Two extents of an image, height first; an integer literal means both.
public struct Extents: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// Down the image.
    public var height: Int
    /// Across the image.
    public var width: Int

    /// Creates a pair.
    public init(_ height: Int, _ width: Int) {
        self.height = height
        self.width = width
    }

    /// Creates a pair of equal extents.
    public init(integerLiteral value: Int) { self.init(value, value) }

    /// Whether both are at least `least`, and so small that sums and products of a few of them fit a word.
    func isWithin(_ least: Int) -> Bool {
        (least...1 << 20).contains(height) && (least...1 << 20).contains(width)
    }

    /// For instance `3×3`.
    public var description: String { "\(height)×\(width)" }
}

/// How a convolution's window walks over an image: images are [N, C, H, W], weights [O, C / groups, kernel height,
/// kernel width], as PyTorch's Conv2d holds them.
public struct ConvolutionGeometry: Hashable, Sendable {
    /// The step of the window.
    public var stride: Extents
    /// Zeros added on both sides.
    public var padding: Extents
    /// The distance between two taps of the window.
    public var dilation: Extents
    /// Into how many independent convolutions the channels are cut; as many as channels is a depthwise convolution.
    public var groups: Int

    /// Creates a geometry.
    public init(stride: Extents = 1, padding: Extents = 0, dilation: Extents = 1, groups: Int = 1) {
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }

    /// Image pixels that one window spans.
    func span(_ kernel: Extents) -> Extents {
        Extents((kernel.height - 1) * dilation.height + 1, (kernel.width - 1) * dilation.width + 1)
    }

    /// How many windows of a kernel fit into an image; not positive where none does.
    func windows(_ image: Extents, _ kernel: Extents) -> Extents {
        let span = span(kernel)
        func count(_ image: Int, _ padding: Int, _ span: Int, _ stride: Int) -> Int {
            let room = image + 2 * padding - span
            return room < 0 ? 0 : room / stride + 1
        }
        return Extents(
            count(image.height, padding.height, span.height, stride.height),
            count(image.width, padding.width, span.width, stride.width))
    }

    /// The pixels of an image, on both axes, that no window of the last step reaches: what a transposed
    /// convolution adds as its output padding to give the image's extents again.
    func remainder(_ image: Extents, _ kernel: Extents) -> Extents {
        let span = span(kernel)
        return Extents(
            (image.height + 2 * padding.height - span.height) % stride.height,
            (image.width + 2 * padding.width - span.width) % stride.width)
    }

    /// The extents of the image whose convolution has `windows` windows.
    func image(_ windows: Extents, _ kernel: Extents, outputPadding: Extents) -> Extents {
        let span = span(kernel)
        return Extents(
            (windows.height - 1) * stride.height - 2 * padding.height + span.height + outputPadding.height,
            (windows.width - 1) * stride.width - 2 * padding.width + span.width + outputPadding.width)
    }

    /// Refuses strides, dilations and groups that mean nothing, and operands that are not images and weights.
    func requireOperands(_ image: Shape, _ weight: Shape, name: String) throws {
        guard image.rank == 4, weight.rank == 4 else {
            throw ShapeError(
                "\(name) takes images [batch, channels, height, width] and weights of rank 4, got \(image) and"
                    + " \(weight)", remedy: "reshape the input to [batch, channels, height, width]")
        }
        guard stride.isWithin(1), dilation.isWithin(1), padding.isWithin(0), groups > 0 else {
            throw ShapeError(
                "\(name) with stride \(stride), padding \(padding), dilation \(dilation) and \(groups) groups",
                remedy:
                    "use a stride, a dilation and groups of at least 1, a padding of at least 0, and none of"
                    + " millions")
        }
        guard weight.pixels.isWithin(1), image.pixels.isWithin(1) else {
            throw ShapeError(
                "\(name) of an image \(image) with weights \(weight)",
                remedy: "give image and kernel at least one pixel, and not millions across")
        }
    }

    /// Calls `body` for every product of a convolution, in row-major order of (sample, output channel, window, tap),
    /// with the places of the pixel, the weight and the result.
    func forEachProduct(
        image: Shape, weight: Shape, result: Shape,
        _ body: (_ image: Int, _ weight: Int, _ result: Int) -> Void
    ) {
        let (channels, height, width) = (weight[1], image[2], image[3])
        let outputs = weight[0] / groups
        for sample in 0..<image[0] {
            for output in 0..<weight[0] {
                for (y, x) in pairs(result[2], result[3]) {
                    let target = ((sample * weight[0] + output) * result[2] + y) * result[3] + x
                    for channel in 0..<channels {
                        for (ky, kx) in pairs(weight[2], weight[3]) {
                            let row = y * stride.height - padding.height + ky * dilation.height
                            let column = x * stride.width - padding.width + kx * dilation.width
                            guard (0..<height).contains(row), (0..<width).contains(column) else { continue }
                            let plane = sample * image[1] + output / outputs * channels + channel
                            body(
                                (plane * height + row) * width + column,
                                ((output * channels + channel) * weight[2] + ky) * weight[3] + kx, target)
                        }
                    }
                }
            }
        }
    }
}

/// All pairs of two ranges that start at zero, row-major.
func pairs(_ rows: Int, _ columns: Int) -> [(Int, Int)] {
    (0..<max(rows, 0)).flatMap { row in (0..<max(columns, 0)).map { (row, $0) } }
}

extension Shape {
    /// Height and width of an image or a kernel.
    var pixels: Extents { Extents(self[2], self[3]) }
}
