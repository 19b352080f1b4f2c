import CKernels
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
}

/// Reads pixels of one stored picture into planar float elements from 0 to 255, `[channel, height, width]`: each is a
/// mean of the four stored pixels around its place, weighted by nearness; places turn around the shown part's centre.
/// Where nothing is turned or scaled, places are those of pixels, whose elements come through unchanged.
struct ImageSampler {
    private var call = lk_picture_arguments()

    init(_ store: some ImageStore, index: Int) {
        call.elements = store.elements(of: index)
        (call.width, call.height, call.channels) = (store.width, store.height, store.channelCount)
        call.pixel_step = store.isPlanar ? 1 : store.channelCount
        call.channel_step = store.isPlanar ? store.width * store.height : 1
    }

    /// Draws a part of the picture.
    /// - Parameter surroundings: what is seen beyond the border, one a channel; nil for the nearest pixel.
    func draw(
        _ placement: ImagePlacement, width: Int, height: Int, surroundings: [Float]?,
        to shown: UnsafeMutablePointer<Float>
    ) {
        var call = call
        let angle = placement.rotation * .pi / 180
        call.cosine = Float(cos(angle) / placement.scale)
        call.sine = Float(sin(angle) / placement.scale)
        call.mirror = placement.isFlipped ? -1 : 1
        (call.shown_width, call.shown_height) = (width, height)
        call.center_x = Float(placement.column) + Float(width) / 2 - 0.5
        call.center_y = Float(placement.row) + Float(height) / 2 - 0.5
        call.shown = shown
        guard let surroundings else { return lk_picture_sample(&call) }
        surroundings.withUnsafeBufferPointer {
            call.surroundings = $0.baseAddress
            lk_picture_sample(&call)
        }
    }
}
