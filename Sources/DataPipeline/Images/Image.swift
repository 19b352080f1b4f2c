/// A picture of 8-bit elements in memory, `[height, width, channelCount]` row-major: RGB, or grey where there is
/// one channel.
public struct Image: Sendable, Equatable {
    /// Columns of pixels.
    public let width: Int
    /// Rows of pixels.
    public let height: Int
    /// 3 for RGB, 1 for grey.
    public let channelCount: Int
    /// The elements, `height * width * channelCount` of them.
    public let elements: [UInt8]

    /// A picture of given elements.
    /// - Parameter elements: `height * width * channelCount` of them; other numbers are a defect of the caller.
    public init(width: Int, height: Int, channelCount: Int = 3, elements: [UInt8]) {
        precondition(width > 0 && height > 0 && elements.count == width * height * channelCount)
        self.width = width
        self.height = height
        self.channelCount = channelCount
        self.elements = elements
    }

    /// The element of a channel of a pixel.
    public subscript(row row: Int, column column: Int, channel channel: Int) -> UInt8 {
        elements[(row * width + column) * channelCount + channel]
    }
}
