/// Pictures with a class each; its keys stand directly in the group `data`.
public struct ImagesPart: Sendable, Equatable {
    /// How pictures and classes are stored.
    public enum Source: Sendable, Equatable {
        /// A folder of classes: each folder in it is a class.
        case folder
        /// A CSV file that lists the paths of pictures in column `image`, with their classes in column `label`.
        case list(CSVPart, image: ColumnReference)
        /// IDX files, as MNIST's: `data.path` holds pictures, `labels` their classes.
        case idx(labels: String, testLabels: String?)
        /// Binary files of CIFAR-10.
        case cifar10
        /// Binary files of CIFAR-100.
        case cifar100
    }

    /// The names of ``Source``, as the key `source` has them.
    public enum SourceKind: String, Sendable, CaseIterable {
        /// A folder of classes.
        case folder
        /// A CSV file of paths.
        case list
        /// IDX files.
        case idx
        /// Binary files of CIFAR-10.
        case cifar10
        /// Binary files of CIFAR-100.
        case cifar100
    }

    /// How a picture is brought to ``size``.
    public enum Resize: String, Sendable, CaseIterable {
        /// Each new pixel is the mean of the area that it covers.
        case area
        /// Each new pixel is a mean weighted by a triangle.
        case bilinear
    }

    /// Height and width in pixels.
    public struct Size: Sendable, Equatable {
        /// Rows of pixels.
        public var height: Int
        /// Columns of pixels.
        public var width: Int

        /// A size.
        public init(_ height: Int, _ width: Int) { (self.height, self.width) = (height, width) }
    }

    /// How pictures and classes are stored.
    public var source: Source
    /// The size that every picture is brought to; nil for sources whose pictures have one size.
    public var size: Size?
    /// How pictures are resized.
    public var resize: Resize
    /// What the model sees of a picture: its middle, or while training a random part; nil for all of it.
    public var crop: Size?
    /// How pictures are varied while training.
    public var augmentation: AugmentationPart
    /// The mean and the deviation of each channel, elements from 0 to 1; nil takes those of the training split.
    public var normalization: NormalizationPart?
    /// The absolute path of the folder of decoded pictures; nil for the user's cache folder.
    public var cacheFolder: String?

    /// Creates the part.
    public init(
        source: Source = .folder, size: Size? = nil, resize: Resize = .area, crop: Size? = nil,
        augmentation: AugmentationPart = AugmentationPart(), normalization: NormalizationPart? = nil,
        cacheFolder: String? = nil
    ) {
        self.source = source
        self.size = size
        self.resize = resize
        self.crop = crop
        self.augmentation = augmentation
        self.normalization = normalization
        self.cacheFolder = cacheFolder
    }

    /// The name of ``source``.
    public var sourceKind: SourceKind {
        switch source {
        case .folder: .folder
        case .list: .list
        case .idx: .idx
        case .cifar10: .cifar10
        case .cifar100: .cifar100
        }
    }
}

extension ImagesPart: FormatPart {
    init(_ reader: RecipeReader) throws {
        source = try Self.readSource(reader)
        size = nil
        resize = .area
        switch source {
        case .folder, .list:
            _ = try reader.required("size")
            size = try reader.imageSize("size")
            resize = try reader.choice("resize", default: .area)
            cacheFolder = try reader.optionalPath("cacheFolder")
        case .idx, .cifar10, .cifar100: cacheFolder = nil
        }
        crop = try reader.imageSize("crop")
        augmentation = try AugmentationPart(try reader.part("augmentation"))
        normalization = try reader.optionalPart("normalization").map { try NormalizationPart($0) }
        if let size, let crop, crop.height > size.height || crop.width > size.width {
            throw reader.failure(
                "crop", "is larger than data.size", remedy: "crop at most \(size.height) x \(size.width)")
        }
    }

    func check(_ data: DataPart, _ reader: RecipeReader) throws {
        guard case .idx(_, let testLabels) = source else { return }
        guard (testLabels == nil) == (data.testPath == nil), data.paths.count == 1 else {
            throw reader.failure(
                "testLabels", "does not fit data.testPath",
                remedy: "give one data.path with data.labels, and data.testPath with data.testLabels")
        }
    }

    private static func readSource(_ reader: RecipeReader) throws -> Source {
        switch try reader.choice("source", default: SourceKind.folder) {
        case .folder: return .folder
        case .list:
            let csv = try CSVPart(reader)
            let image = try reader.column(try reader.required("image"), "image")
            try csv.check([("image", [image])], reader)
            return .list(csv, image: image)
        case .idx:
            return .idx(
                labels: try reader.path(try reader.required("labels"), "labels"),
                testLabels: try reader.optionalPath("testLabels"))
        case .cifar10: return .cifar10
        case .cifar100: return .cifar100
        }
    }

    func flatten(into keys: inout FlatKeys) {
        keys.add("source", sourceKind.rawValue)
        switch source {
        case .folder, .cifar10, .cifar100: break
        case .list(let csv, let image):
            csv.flatten(into: &keys)
            keys.add("image", canonical: image.canonical)
        case .idx(let labels, let testLabels):
            keys.add("labels", labels)
            keys.add("testLabels", testLabels)
        }
        if let size {
            size.flatten("size", into: &keys)
            keys.add("resize", resize.rawValue)
            keys.add("cacheFolder", cacheFolder)
        }
        if let crop { crop.flatten("crop", into: &keys) } else { keys.add("crop", nil as Int?) }
        keys.inside("augmentation") { augmentation.flatten(into: &$0) }
        if let normalization {
            keys.inside("normalization") { normalization.flatten(into: &$0) }
        } else {
            keys.add("normalization", nil as Int?)
        }
    }
}

extension ImagesPart.Size {
    func flatten(_ key: String, into keys: inout FlatKeys) { keys.add(key, [height, width]) }
}

extension RecipeReader {
    /// `[HEIGHT, WIDTH]`, or one number for both; nil if nothing was written.
    func imageSize(_ key: String) throws -> ImagesPart.Size? {
        let numbers = try integers(key, in: 1...16_384, maximumCount: 2, default: [])
        return numbers.first.map { ImagesPart.Size($0, numbers.last ?? $0) }
    }
}
