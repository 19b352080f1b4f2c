import DataPipeline
import Diagnostics
import Foundation
import Recipes

/// Pictures as rows, decoded once into a cache or read from files of raw elements.
public struct ImageRows: RowSource {
    /// The pictures of all paths.
    let store: JoinedImages
    /// What was left out.
    public let warnings: [String]
    private let part: ImagesPart
    private let labelPlace: String

    /// Opens the recipe's pictures.
    /// - Throws: `LockstepError` (65) with the path of a bad picture, where the recipe does not skip it.
    init(_ data: DataPart, _ part: ImagesPart) throws {
        let paths = data.paths + (data.testPath.map { [$0] } ?? [])
        let names: [String]?
        if case .list = part.source { names = try data.classNames?.resolved() } else { names = nil }
        let opened = try paths.enumerated().map { number, path in
            try OpenedImages(path, data, part, isTest: number >= data.paths.count, classNames: names)
        }
        store = try JoinedImages(opened.map(\.store), paths: paths)
        warnings = opened.flatMap(\.warnings)
        (self.part, labelPlace) = (part, paths[0])
    }

    /// Opens a picture, a folder of them, or a file of raw elements, to predict.
    /// - Throws: `LockstepError` (65) as for a recipe's pictures.
    init(toPredict path: String, _ data: DataPart, _ part: ImagesPart) throws {
        let opened = try OpenedImages(toPredict: path, data, part)
        store = try JoinedImages([opened.store], paths: [path])
        (warnings, self.part, labelPlace) = (opened.warnings, part, path)
    }

    /// The number of pictures that can be used.
    public var rowCount: Int { store.count }
    /// The pictures of each path.
    public var fileRows: [Range<Int>] { store.ranges }
    /// Of all pictures and classes.
    public var fingerprint: UInt64 { store.fingerprint }
    /// `file`.
    public var rowTitle: String { "file" }
    /// The picture's path.
    public func name(ofRow row: Int) -> String { store.describe(row) }
    /// The classes' numbers.
    public func classes() throws -> [Int32] { (0..<rowCount).map(store.label(of:)) }

    /// Takes the mean and the deviation of each channel from the training pictures.
    public func fit(_ recipe: Recipe, rows: [Int]) throws -> FittedData {
        let place = FileLocation(labelPlace)
        let own = store.classNames
        let seen = Set(rows.map(store.label(of:)))
        if let missing = own.indices.first(where: { !seen.contains(Int32($0)) }) {
            throw LockstepError(
                .badData, "the training split holds no picture of class '\(own[missing])'", at: place,
                remedy: "write data.split.stratify: true, or add pictures of it")
        }
        let names = try recipe.data.classNames.map { try $0.resolved() }
        if let names, names.count != own.count {
            throw LockstepError(
                .badData, "there are \(names.count) class names for \(own.count) classes", at: place,
                remedy: "give one name for each of: " + own.prefix(20).joined(separator: ", "))
        }
        try ClassCheck(own, place: place).check(recipe.task, names: names)
        let normalization =
            try part.normalization.map {
                try ImageNormalization(mean: $0.mean.map(Float.init), deviation: $0.deviation.map(Float.init))
            } ?? ImageNormalization(of: store, indices: rows)
        return .images(
            FittedImages(
                classNames: names ?? own, height: part.crop?.height ?? store.height,
                width: part.crop?.width ?? store.width, normalization: normalization))
    }

    /// The pictures as a model sees them.
    func dataset(_ normalization: ImageNormalization, for purpose: SamplePurpose) throws -> ImageDataset {
        var (augmentation, seed): (ImageAugmentation?, UInt64) = (nil, 0)
        if case .training(let given) = purpose {
            seed = given
            let isCropped = part.crop.map { $0.height < store.height || $0.width < store.width } ?? false
            if part.augmentation != AugmentationPart() || isCropped {
                augmentation = part.augmentation.augmentation
            }
        }
        return try ImageDataset(
            store, normalization: normalization, crop: part.crop.map { ($0.height, $0.width) },
            augmentation: augmentation, seed: seed)
    }
}

/// The pictures of one path.
private struct OpenedImages {
    let store: any ImageStore
    var warnings: [String] = []

    init(
        _ path: String, _ data: DataPart, _ part: ImagesPart, isTest: Bool, classNames: [String]?
    ) throws {
        switch part.source {
        case .folder:
            let catalog = try ImageCatalog(folder: path, skipsEmptyClasses: data.onBadSample == .skip)
            self.init(try Self.cache(catalog, data, part))
            warnings += catalog.emptyClasses.map { "\($0): a class without a picture is left out" }
        case .list(let csv, let image):
            let rows = try CSVRows(paths: [path], csv, onBadSample: data.onBadSample)
            let catalog = try ImageCatalog(
                rows.csv, path: image.column, label: csv.label.column, classNames: classNames)
            self.init(try Self.cache(catalog, data, part))
        case .idx(let labels, let testLabels):

            self.init(try IDXImages(images: path, labels: isTest ? testLabels : labels))
        case .cifar10: self.init(try CIFARImages(.cifar10, paths: [path]))
        case .cifar100: self.init(try CIFARImages(.cifar100, paths: [path]))
        }
    }

    init(toPredict path: String, _ data: DataPart, _ part: ImagesPart) throws {
        switch part.source {
        case .folder: self.init(try Self.cache(ImageCatalog(toPredict: path), data, part))
        case .list(let csv, let image):
            let isList = path.lowercased().hasSuffix(".csv")
            let catalog =
                try isList
                ? ImageCatalog(
                    CSVRows(paths: [path], csv, onBadSample: data.onBadSample).csv, path: image.column,
                    label: nil)
                : ImageCatalog(toPredict: path)
            self.init(try Self.cache(catalog, data, part))
        case .idx: self.init(try IDXImages(images: path))
        case .cifar10: self.init(try CIFARImages(.cifar10, paths: [path]))
        case .cifar100: self.init(try CIFARImages(.cifar100, paths: [path]))
        }
    }

    private init(_ store: any ImageStore) { self.store = store }

    private init(_ cache: ImageCache) {
        store = cache
        warnings = LeftOut.warning(
            cache.skippedPaths.map { FileLocation($0) }, of: cache.count, "pictures cannot be decoded")
    }

    private static func cache(
        _ catalog: ImageCatalog, _ data: DataPart, _ part: ImagesPart
    ) throws -> ImageCache {
        let size = part.size ?? ImagesPart.Size(1, 1)
        return try ImageCache(
            catalog, width: size.width, height: size.height, method: part.resize == .area ? .area : .bilinear,
            folder: part.cacheFolder ?? CacheFolder.standard,
            onBadImage: data.onBadSample == .skip ? .skip : .stop)
    }
}

extension AugmentationPart {
    /// The options of the data pipeline.
    var augmentation: ImageAugmentation {
        var options = ImageAugmentation()
        options.cropPadding = cropPadding
        options.horizontalFlip = horizontalFlip
        options.rotation = rotation
        options.scale = scale
        options.brightness = brightness
        options.contrast = contrast
        options.saturation = saturation
        options.cutout = cutout
        options.surroundings = surroundings == .edge ? .edge : .mean
        return options
    }
}
