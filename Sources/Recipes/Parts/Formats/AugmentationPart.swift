/// How pictures are varied while training, every epoch anew: the group `data.augmentation`.
public struct AugmentationPart: Sendable, Equatable {
    /// What is seen beyond a picture's border.
    public enum Surroundings: String, Sendable, CaseIterable {
        /// The nearest pixel of the picture.
        case edge
        /// The training split's mean.
        case mean
    }

    /// Pixels by which a random crop may reach over each border.
    public var cropPadding: Int
    /// The probability that a picture is mirrored left to right.
    public var horizontalFlip: Double
    /// Degrees up to which a picture is rotated, either way.
    public var rotation: Double
    /// The smallest and the largest factor by which a picture is enlarged.
    public var scale: ClosedRange<Double>
    /// Elements are multiplied by 1 ± this at most.
    public var brightness: Double
    /// Distances from the picture's mean grey are multiplied by 1 ± this at most.
    public var contrast: Double
    /// Distances from a pixel's grey are multiplied by 1 ± this at most.
    public var saturation: Double
    /// The side in pixels of a square that is wiped out; 0 for none.
    public var cutout: Int
    /// What is seen beyond a picture's border.
    public var surroundings: Surroundings

    /// Creates the part; by default nothing is varied.
    public init(
        cropPadding: Int = 0, horizontalFlip: Double = 0, rotation: Double = 0,
        scale: ClosedRange<Double> = 1...1, brightness: Double = 0, contrast: Double = 0,
        saturation: Double = 0, cutout: Int = 0, surroundings: Surroundings = .edge
    ) {
        self.cropPadding = cropPadding
        self.horizontalFlip = horizontalFlip
        self.rotation = rotation
        self.scale = scale
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.cutout = cutout
        self.surroundings = surroundings
    }
}

extension AugmentationPart {
    init(_ reader: RecipeReader) throws {
        cropPadding = try reader.integer("cropPadding", in: 0...4_096, default: 0)
        horizontalFlip = try reader.number("horizontalFlip", .within(0, 1), default: 0)
        rotation = try reader.number("rotation", .within(0, 180), default: 0)
        scale = try Self.readScale(reader)
        brightness = try reader.number("brightness", .within(0, 1), default: 0)
        contrast = try reader.number("contrast", .within(0, 1), default: 0)
        saturation = try reader.number("saturation", .within(0, 1), default: 0)
        cutout = try reader.integer("cutout", in: 0...16_384, default: 0)
        surroundings = try reader.choice("surroundings", default: .edge)
        try reader.finish()
    }

    private static func readScale(_ reader: RecipeReader) throws -> ClosedRange<Double> {
        guard let bounds = try reader.numbers("scale", .within(0.1, 10), maximumCount: 2) else {
            return 1...1
        }
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            throw reader.failure(
                "scale", "must be the smallest and the largest factor", remedy: "write scale: [0.9, 1.1]")
        }
        return bounds[0]...bounds[1]
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("cropPadding", cropPadding)
        keys.add("horizontalFlip", horizontalFlip)
        keys.add("rotation", rotation)
        keys.add("scale", list: ["\(scale.lowerBound)", "\(scale.upperBound)"])
        keys.add("brightness", brightness)
        keys.add("contrast", contrast)
        keys.add("saturation", saturation)
        keys.add("cutout", cutout)
        keys.add("surroundings", surroundings.rawValue)
    }
}

/// Given numbers to normalize pictures by, for instance a pretrained model's: the group `data.normalization`.
public struct NormalizationPart: Sendable, Equatable {
    /// One a channel, elements counted from 0 to 1.
    public var mean: [Double]
    /// One a channel, above 0.
    public var deviation: [Double]

    /// Creates the part.
    public init(mean: [Double], deviation: [Double]) { (self.mean, self.deviation) = (mean, deviation) }
}

extension NormalizationPart {
    init(_ reader: RecipeReader) throws {
        _ = try reader.required("mean")
        _ = try reader.required("deviation")
        mean = try reader.numbers("mean", .within(0, 1), maximumCount: 3) ?? []
        deviation = try reader.numbers("deviation", .above(0), maximumCount: 3) ?? []
        try reader.finish()
        guard [1, 3].contains(mean.count), deviation.count == mean.count else {
            throw reader.failure("mean", "and deviation must have one number for each of 1 or 3 channels")
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("mean", list: mean.map { "\($0)" })
        keys.add("deviation", list: deviation.map { "\($0)" })
    }
}
