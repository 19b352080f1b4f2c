import CKernels
import Diagnostics

/// The pictures of a store as samples: `image` [channels, height, width] float32, normalized, then `label` int32 where
/// they have classes.
public struct ImageDataset: Dataset {
    /// The number of samples.
    public var count: Int { store.count }
    /// `image`, and `label` where the pictures have classes.
    public let fields: [FieldSpec]
    /// False: elements are converted from bytes, and varied, on demand.
    public var isResident: Bool { false }
    /// Whether samples differ from epoch to epoch.
    public var variesByEpoch: Bool { augmentation != nil }

    private let store: any ImageStore
    private let normalization: ImageNormalization
    private let height: Int
    private let width: Int
    private let augmentation: ImageAugmentation?
    private let seed: UInt64
    private let factors: [Float]
    private let offsets: [Float]
    /// The training split's mean, from 0 to 255.
    private let meanColor: [Float]

    /// The samples of a store.
    /// - Parameters:
    ///   - crop: height and width of what a model sees; nil for whole pictures.
    ///   - augmentation: how pictures are varied while training. Without one, each is cropped in its middle.
    ///   - seed: chooses the variations, together with epoch and number.
    /// - Throws: 2 for a crop larger than the pictures, channels that differ from the normalization's, or an
    ///   augmentation that cannot be.
    public init(
        _ store: any ImageStore, normalization: ImageNormalization, crop: (height: Int, width: Int)? = nil,
        augmentation: ImageAugmentation? = nil, seed: UInt64 = 0
    ) throws {
        let (height, width) = crop ?? (store.height, store.width)
        guard (1...store.height).contains(height), (1...store.width).contains(width) else {
            throw LockstepError(
                .usage, "no crop of \(width) x \(height) fits pictures of \(store.width) x \(store.height)",
                remedy: "choose a crop that is not larger than the pictures")
        }
        guard normalization.mean.count == store.channelCount else {
            throw LockstepError(
                .usage,
                "the normalization has \(normalization.mean.count) channels, pictures have \(store.channelCount)"
            )
        }
        try augmentation?.validate(channelCount: store.channelCount)
        let image = FieldSpec(
            name: "image", sampleShape: [store.channelCount, height, width], element: .float32)
        fields =
            store.hasLabels ? [image, FieldSpec(name: "label", sampleShape: [], element: .int32)] : [image]
        (self.store, self.normalization, self.height, self.width) = (store, normalization, height, width)
        (self.augmentation, self.seed) = (augmentation, seed)
        factors = normalization.deviation.map { 1 / (255 * $0) }
        meanColor = normalization.mean.map { 255 * $0 }
        offsets = zip(normalization.mean, normalization.deviation).map { -$0 / $1 }
    }

    /// Writes the picture or the class of a sample; the picture as in epoch 0.
    public func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        write(sample: index, field: field, epoch: 0, to: destination)
    }

    /// Writes the picture, varied as the epoch has it, or the class of a sample.
    public func write(
        sample index: Int, field: Int, epoch: Int, to destination: UnsafeMutableRawPointer
    ) {
        guard field == 0 else {
            destination.storeBytes(of: store.label(of: index), as: Int32.self)
            return
        }
        let elements = destination.assumingMemoryBound(to: Float.self)
        let plain = ImagePlacement(
            column: (store.width - width) / 2, row: (store.height - height) / 2)
        guard let augmentation else {
            ImageSampler(store, index: index).draw(
                plain, width: width, height: height, surroundings: nil, to: elements)
            normalize(elements)
            return
        }
        let variation = ImageVariation(seed: seed, epoch: epoch, picture: index)
        ImageSampler(store, index: index).draw(
            placement(variation, augmentation), width: width, height: height,
            surroundings: augmentation.surroundings == .mean ? meanColor : nil, to: elements)
        lk_picture_colors(
            elements, store.channelCount, width * height, variation.brightness(augmentation),
            variation.contrast(augmentation), variation.saturation(augmentation))
        normalize(elements)
        if augmentation.cutout > 0 { cutOut(elements, variation, side: augmentation.cutout) }
    }

    /// Where a sample's picture comes from.
    public func describe(sample index: Int) -> String { store.describe(index) }

    private func placement(
        _ variation: ImageVariation, _ augmentation: ImageAugmentation
    ) -> ImagePlacement {
        let padding = augmentation.cropPadding
        let corner = variation.crop(
            columns: -padding...(store.width - width + padding),
            rows: -padding...(store.height - height + padding))
        return ImagePlacement(
            column: corner.column, row: corner.row, isFlipped: variation.isFlipped(augmentation),
            rotation: augmentation.rotation == 0 ? 0 : variation.rotation(augmentation),
            scale: variation.scale(augmentation))
    }

    private func normalize(_ elements: UnsafeMutablePointer<Float>) {
        lk_picture_normalize(elements, factors.count, width * height, factors, offsets)
    }

    private func cutOut(_ elements: UnsafeMutablePointer<Float>, _ variation: ImageVariation, side: Int) {
        let center = variation.cutoutCenter(width: width, height: height)
        let left = max(0, center.column - side / 2)
        let right = min(width, center.column - side / 2 + side)
        let top = max(0, center.row - side / 2)
        let bottom = min(height, center.row - side / 2 + side)
        for channel in factors.indices {
            for row in top..<bottom {
                let line = elements + (channel * height + row) * width
                for column in left..<right { line[column] = 0 }
            }
        }
    }
}
