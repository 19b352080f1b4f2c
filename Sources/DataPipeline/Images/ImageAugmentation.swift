import Diagnostics

/// How pictures are varied while training, every epoch anew. What happens to a picture depends on the seed, the epoch
/// and the picture's number in its store, and on nothing else: neither on ranks nor on the batch it is in.
///
/// In this order: random crop, flip, rotation and scale in one step of bilinear sampling; brightness, contrast and
/// saturation; after normalization, cutout.
public struct ImageAugmentation: Codable, Sendable, Equatable {
    /// What is seen beyond a picture's border.
    public enum Surroundings: String, Codable, Sendable, CaseIterable {
        /// The nearest pixel of the picture.
        case edge
        /// The training split's mean, which is 0 after normalization.
        case mean
    }

    /// Pixels by which a crop may reach over each border; crops are placed at random where this is above 0 or the
    /// picture is larger than the crop.
    public var cropPadding = 0
    /// The probability that a picture is mirrored left to right.
    public var horizontalFlip = 0.0
    /// Degrees up to which a picture is rotated, either way.
    public var rotation = 0.0
    /// The factors by which a picture is enlarged, the smallest and the largest.
    public var scale = 1.0...1.0
    /// Elements are multiplied by 1 ± this at most.
    public var brightness = 0.0
    /// Distances from the picture's mean grey are multiplied by 1 ± this at most.
    public var contrast = 0.0
    /// Distances from a pixel's grey are multiplied by 1 ± this at most.
    public var saturation = 0.0
    /// The side in pixels of a square that is wiped out (DeVries and Taylor 2017), its centre anywhere in the
    /// picture; 0 for none.
    public var cutout = 0
    /// What is seen beyond a picture's border.
    public var surroundings = Surroundings.edge

    /// No variation but that of a random crop where pictures are larger than the crop.
    public init() {}

    /// Checks the ranges.
    /// - Throws: 2 naming the number that cannot be.
    func validate(channelCount: Int) throws {
        let problems: [(isWrong: Bool, text: String)] = [
            (!(0...4_096).contains(cropPadding), "a crop padding of \(cropPadding)"),
            (!(0...1).contains(horizontalFlip), "a flip with probability \(horizontalFlip)"),
            (!(0...180).contains(rotation), "a rotation by up to \(rotation) degrees"),
            (!(0.1...10).contains(scale.lowerBound) || scale.upperBound > 10, "a scale in \(scale)"),
            (!(0...1).contains(brightness), "a brightness by up to \(brightness)"),
            (!(0...1).contains(contrast), "a contrast by up to \(contrast)"),
            (!(0...1).contains(saturation), "a saturation by up to \(saturation)"),
            (!(0...16_384).contains(cutout), "a cutout of \(cutout) pixels"),
            (saturation > 0 && channelCount == 1, "a saturation of grey pictures"),
        ]
        for problem in problems where problem.isWrong {
            throw LockstepError(
                .usage, "pictures cannot be varied by \(problem.text)",
                remedy:
                    "use a probability or a share from 0 to 1, degrees from 0 to 180, scales from 0.1 to 10")
        }
    }
}

/// What happens to one picture in one epoch.
struct ImageVariation {
    /// Each random number has its place, so that one option more leaves the others' numbers as they are.
    private enum Draw: UInt64 {
        case cropColumn, cropRow, flip, rotation, scale, brightness, contrast, saturation, cutoutColumn,
            cutoutRow
    }

    private let key: UInt64

    init(seed: UInt64, epoch: Int, picture: Int) {
        key = RandomMixer.key(
            seed: seed ^ 0x696D_6167_6573, UInt64(bitPattern: Int64(epoch)),
            UInt64(bitPattern: Int64(picture)))
    }

    /// In [0, 1).
    private func uniform(_ draw: Draw) -> Double {
        Double(RandomMixer.key(seed: key, draw.rawValue) >> 11) * 0x1p-53
    }

    private func integer(_ draw: Draw, in range: ClosedRange<Int>) -> Int {
        range.lowerBound + min(range.count - 1, Int(uniform(draw) * Double(range.count)))
    }

    private func around(_ center: Double, _ draw: Draw, by spread: Double) -> Double {
        center + (2 * uniform(draw) - 1) * spread
    }

    func crop(columns: ClosedRange<Int>, rows: ClosedRange<Int>) -> (column: Int, row: Int) {
        (integer(.cropColumn, in: columns), integer(.cropRow, in: rows))
    }

    func isFlipped(_ options: ImageAugmentation) -> Bool { uniform(.flip) < options.horizontalFlip }

    /// Degrees.
    func rotation(_ options: ImageAugmentation) -> Double { around(0, .rotation, by: options.rotation) }

    func scale(_ options: ImageAugmentation) -> Double {
        let (low, high) = (options.scale.lowerBound, options.scale.upperBound)
        return low + uniform(.scale) * (high - low)
    }

    func brightness(_ options: ImageAugmentation) -> Float {
        Float(around(1, .brightness, by: options.brightness))
    }

    func contrast(_ options: ImageAugmentation) -> Float { Float(around(1, .contrast, by: options.contrast)) }

    func saturation(_ options: ImageAugmentation) -> Float {
        Float(around(1, .saturation, by: options.saturation))
    }

    func cutoutCenter(width: Int, height: Int) -> (column: Int, row: Int) {
        (integer(.cutoutColumn, in: 0...(width - 1)), integer(.cutoutRow, in: 0...(height - 1)))
    }
}
