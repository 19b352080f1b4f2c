import CKernels
import Testing

/// Pictures varied while training: the kernels against their plain twins, clones against each other.
@Suite struct PictureKernelTests {
    private struct Shape: Sendable {
        var width: Int
        var height: Int
        var channels: Int
        var isPlanar: Bool
        var shown: (width: Int, height: Int)
    }

    private static let shapes = [
        Shape(width: 40, height: 33, channels: 3, isPlanar: false, shown: (37, 29)),
        Shape(width: 5, height: 4, channels: 3, isPlanar: true, shown: (16, 3)),
        Shape(width: 1, height: 1, channels: 3, isPlanar: false, shown: (3, 2)),
        Shape(width: 2, height: 1, channels: 3, isPlanar: false, shown: (4, 5)),
        Shape(width: 19, height: 28, channels: 1, isPlanar: false, shown: (19, 28)),
    ]

    private func sample(
        _ shape: Shape, angle: (cosine: Float, sine: Float), mirror: Float, surroundings: [Float]?,
        _ kernel: (UnsafePointer<lk_picture_arguments>) -> Void
    ) -> (values: [Float], isIntact: Bool) {
        var numbers = TestNumbers(shape.width)
        // As long as the picture, so that a tool for addresses sees a read behind it.
        let elements = numbers.integers(shape.width * shape.height * shape.channels, below: 256).map {
            UInt8($0)
        }
        var shown = GuardedFloats(count: shape.channels * shape.shown.width * shape.shown.height)
        elements.withUnsafeBufferPointer { elements in
            (surroundings ?? [0]).withUnsafeBufferPointer { border in
                shown.withPointer { pointer in
                    var call = lk_picture_arguments()
                    call.elements = elements.baseAddress
                    (call.width, call.height, call.channels) = (shape.width, shape.height, shape.channels)
                    call.pixel_step = shape.isPlanar ? 1 : shape.channels
                    call.channel_step = shape.isPlanar ? shape.width * shape.height : 1
                    call.surroundings = surroundings == nil ? nil : border.baseAddress
                    (call.shown_width, call.shown_height) = shape.shown
                    (call.center_x, call.center_y) = (Float(shape.width) / 2 - 0.75, Float(shape.height) / 2)
                    (call.cosine, call.sine, call.mirror) = (angle.cosine, angle.sine, mirror)
                    call.shown = pointer
                    kernel(&call)
                }
            }
        }
        return (shown.values, shown.isIntact)
    }

    @Test(arguments: 0..<5) func samplesHaveTheBitsOfThePlainTwin(number: Int) {
        let shape = Self.shapes[number]
        for angle: (cosine: Float, sine: Float) in [(1, 0), (0.9, 0.3), (-1.7, 0.4), (0.05, 0.02)] {
            for surroundings in [nil, [7.5, 120, 33.25]] as [[Float]?] {
                for mirror in [1, -1] as [Float] {
                    func run(_ kernel: (UnsafePointer<lk_picture_arguments>) -> Void) -> (
                        values: [Float], isIntact: Bool
                    ) {
                        sample(shape, angle: angle, mirror: mirror, surroundings: surroundings, kernel)
                    }
                    let expected = run { lkr_picture_sample($0) }.values
                    withEachInstructionSet { set in
                        let (values, isIntact) = run { lk_picture_sample($0) }
                        #expect(isIntact && bits(values) == bits(expected), "\(set) \(angle)")
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 3], [1, 15, 64, 100]) func colors(channels: Int, count: Int) {
        var numbers = TestNumbers(count)
        let given = numbers.floats(channels * count, 0...255)
        for (brightness, contrast, saturation) in [
            (1, 1, 1), (1.3, 1, 1), (1, 0.6, 1), (1, 1, 1.9), (0.8, 1.4, 0.2),
        ] as [(Float, Float, Float)] {
            func run(_ kernel: (UnsafeMutablePointer<Float>) -> Void) -> GuardedFloats {
                var values = GuardedFloats(given)
                values.withPointer { kernel($0) }
                return values
            }
            let expected = run { lkr_picture_colors($0, channels, count, brightness, contrast, saturation) }
            var first: [Float]?
            withEachInstructionSet { set in
                let found = run { lk_picture_colors($0, channels, count, brightness, contrast, saturation) }
                #expect(found.isIntact && distance(found.values, expected.values) < 1e-5, "\(set)")
                #expect(bits(first ?? found.values) == bits(found.values), "\(set)")
                first = first ?? found.values
            }
            if brightness == 1, contrast == 1, saturation == 1 {
                #expect(bits(expected.values) == bits(given))
            }
        }
    }

    @Test(arguments: [1, 16, 39]) func normalization(count: Int) {
        var numbers = TestNumbers(count)
        let given = numbers.floats(2 * count, 0...255)
        func run(_ kernel: (UnsafeMutablePointer<Float>) -> Void) -> GuardedFloats {
            var values = GuardedFloats(given)
            values.withPointer { kernel($0) }
            return values
        }
        let expected = run { lkr_picture_normalize($0, 2, count, [0.5, 0.01], [-1, 3]) }
        withEachInstructionSet { set in
            let found = run { lk_picture_normalize($0, 2, count, [0.5, 0.01], [-1, 3]) }
            #expect(found.isIntact && bits(found.values) == bits(expected.values), "\(set)")
        }
    }
}
