import Foundation

/// The straight map that tells from where in a stored picture each pixel of the shown one is taken.
struct ImagePlacement {
    /// The shown part's left upper corner in the stored picture; negative beyond its border.
    var column: Int
    var row: Int
    var isFlipped = false
    /// Degrees, against the clock.
    var rotation = 0.0
    var scale = 1.0

    var keepsGrid: Bool { rotation == 0 && scale == 1 }
}

/// Reads pixels of one stored picture into planar float elements from 0 to 255, `[channel, height, width]`.
struct ImageSampler {
    let elements: UnsafePointer<UInt8>
    let width: Int
    let height: Int
    let channelCount: Int
    /// From one pixel of a row to the next.
    let pixelStep: Int
    /// From one channel of a pixel to the next.
    let channelStep: Int
    /// What is seen beyond the border, one a channel; nil for the nearest pixel.
    let surroundings: [Float]?

    init(_ store: some ImageStore, index: Int, surroundings: [Float]?) {
        elements = store.elements(of: index)
        (width, height, channelCount) = (store.width, store.height, store.channelCount)
        pixelStep = store.isPlanar ? 1 : channelCount
        channelStep = store.isPlanar ? width * height : 1
        self.surroundings = surroundings
    }

    func draw(
        _ placement: ImagePlacement, width: Int, height: Int, to shown: UnsafeMutablePointer<Float>
    ) {
        if placement.keepsGrid {
            copy(placement, width, height, shown)
        } else {
            sample(placement, width, height, shown)
        }
    }

    /// Pixels move by whole steps: nothing is computed.
    private func copy(
        _ placement: ImagePlacement, _ shownWidth: Int, _ shownHeight: Int,
        _ shown: UnsafeMutablePointer<Float>
    ) {
        for channel in 0..<channelCount {
            var target = shown + channel &* shownWidth &* shownHeight
            for row in 0..<shownHeight {
                let y = placement.row &+ row
                for column in 0..<shownWidth {
                    let seen = placement.isFlipped ? shownWidth &- 1 &- column : column
                    target[column] = element(placement.column &+ seen, y, channel)
                }
                target += shownWidth
            }
        }
    }

    @inline(__always)
    private func element(_ x: Int, _ y: Int, _ channel: Int) -> Float {
        let nearX = min(max(x, 0), width &- 1)
        let nearY = min(max(y, 0), height &- 1)
        if let surroundings, nearX != x || nearY != y { return surroundings[channel] }
        return Float(elements[(nearY &* width &+ nearX) &* pixelStep &+ channel &* channelStep])
    }

    /// A mean of the four pixels around each place, weighted by nearness; places turn around the shown part's
    /// centre.
    private func sample(
        _ placement: ImagePlacement, _ shownWidth: Int, _ shownHeight: Int,
        _ shown: UnsafeMutablePointer<Float>
    ) {
        let angle = placement.rotation * .pi / 180
        let cosine = Float(cos(angle) / placement.scale)
        let sine = Float(sin(angle) / placement.scale)
        let mirror: Float = placement.isFlipped ? -1 : 1
        let (halfWidth, halfHeight) = (Float(shownWidth) / 2, Float(shownHeight) / 2)
        let centerX = Float(placement.column) + halfWidth - 0.5
        let centerY = Float(placement.row) + halfHeight - 0.5
        let plane = shownWidth &* shownHeight
        for row in 0..<shownHeight {
            let y = Float(row) + 0.5 - halfHeight
            for column in 0..<shownWidth {
                let x = (Float(column) + 0.5 - halfWidth) * mirror
                let fromX = centerX + cosine * x - sine * y
                let fromY = centerY + sine * x + cosine * y
                let target = shown + (row &* shownWidth &+ column)
                blend(fromX, fromY, plane, target)
            }
        }
    }

    @inline(__always)
    private func blend(_ x: Float, _ y: Float, _ plane: Int, _ target: UnsafeMutablePointer<Float>) {
        let (left, top) = (x.rounded(.down), y.rounded(.down))
        let (shareX, shareY) = (x - left, y - top)
        let column = Int(left)
        let row = Int(top)
        if column >= 0, row >= 0, column &+ 1 < width, row &+ 1 < height {
            // All four are inside: one address, no comparisons.
            var corner = elements + (row &* width &+ column) &* pixelStep
            let below = width &* pixelStep
            for channel in 0..<channelCount {
                let upper = Float(corner[0]) + shareX * (Float(corner[pixelStep]) - Float(corner[0]))
                let lower =
                    Float(corner[below])
                    + shareX * (Float(corner[below &+ pixelStep]) - Float(corner[below]))
                target[channel &* plane] = upper + shareY * (lower - upper)
                corner += channelStep
            }
            return
        }
        for channel in 0..<channelCount {
            let leftUpper = element(column, row, channel)
            let upper = leftUpper + shareX * (element(column &+ 1, row, channel) - leftUpper)
            let leftLower = element(column, row &+ 1, channel)
            let lower = leftLower + shareX * (element(column &+ 1, row &+ 1, channel) - leftLower)
            target[channel &* plane] = upper + shareY * (lower - upper)
        }
    }
}
