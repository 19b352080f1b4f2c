import DataPipeline
import Diagnostics
import Foundation
import Recipes
import Scenarios
import Testing

/// Pictures as a recipe describes them, good ones and bad ones.
@Suite("Images")
struct ImagesTests {
    static let recipe = """
        task: classification
        data:
          format: images
          path: photos
          size: 8
          cacheFolder: cache
          split: {kind: fractions, train: 0.5, validation: 0.25, test: 0.25, stratify: true}
        model: {kind: cnn, convolutions: [4], hidden: [5]}
        training: {epochs: 1}
        """

    /// Eight pictures of each of three colours; a shade more of it each.
    private func folder() throws -> Folder {
        let folder = try Folder()
        for (channel, name) in ["blue", "green", "red"].enumerated() {
            for number in 0..<8 {
                let file = PNG.file(width: 9, height: 10) { column, row in
                    (0..<3).map { $0 == channel ? UInt8(180 + 5 * number + column + row) : 20 }
                }
                try folder.write(file, to: "photos/\(name)/\(number).png")
            }
        }
        return folder
    }

    @Test func aFolderOfClassesIsSplitAndNormalized() throws {
        let folder = try folder()
        let data = try RecipeData(try folder.recipe(Self.recipe))
        #expect(data.split.train.count == 12 && data.split.test.count == 6)
        #expect(data.fitted.classNames == ["blue", "green", "red"])
        #expect(data.fitted.inputs[0].sampleShape == [3, 8, 8])
        let training = try data.dataset(.train)
        var sums = [0.0, 0, 0]
        for sample in 0..<training.count {
            for (place, value) in try training.floats(sample, field: 0).enumerated() {
                sums[place / 64] += Double(value)
            }
        }
        #expect(sums.allSatisfy { abs($0) < 0.01 * 12 * 64 }, "the training split has mean 0: \(sums)")
        let labels = try (0..<training.count).map { try training.integers($0, field: 1)[0] }
        #expect(labels == data.split.train.map { Int32($0 / 8) })
        #expect(training.describe(sample: 0).hasPrefix(folder.path + "/photos/blue/"))
        _ = try Scenario(try folder.recipe(Self.recipe), fitted: data.fitted)
        #expect(try FittedData(decoding: try data.fitted.encoded()) == data.fitted)
    }

    @Test func onlyTrainingIsVaried() throws {
        let folder = try folder()
        let recipe = try folder.recipe(
            Self.recipe, ["data.augmentation={rotation: 30, brightness: 0.3}", "data.crop=[6, 7]"])
        let data = try RecipeData(recipe)
        #expect(data.fitted.inputs[0].sampleShape == [3, 6, 7])
        let varied = try data.dataset(.train, for: .training(seed: 3))
        let other = try data.dataset(.train, for: .training(seed: 4))
        let plain = try data.dataset(.train)
        let first = try varied.floats(0, field: 0, epoch: 0)
        #expect(varied.variesByEpoch && !plain.variesByEpoch)
        #expect(try first == varied.floats(0, field: 0, epoch: 0))
        #expect(try first != varied.floats(0, field: 0, epoch: 1))
        #expect(try first != other.floats(0, field: 0, epoch: 0))
        #expect(try first != plain.floats(0, field: 0))
        #expect(try plain.floats(0, field: 0) == plain.floats(0, field: 0, epoch: 1))
    }

    @Test func aListNamesPicturesAndClasses() throws {
        let folder = try folder()
        let rows = (0..<8).flatMap { ["photos/red/\($0).png,warm", "photos/blue/\($0).png,cold"] }
        try folder.write((["file,kind"] + rows).joined(separator: "\n") + "\n", to: "list.csv")
        let words = ["data.source=list", "data.path=list.csv", "data.image=file", "data.label=kind"]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        #expect(data.source.rowCount == 16 && data.fitted.classNames == ["cold", "warm"])
        #expect(data.source.name(ofRow: 0) == folder.path + "/photos/red/0.png")
    }

    @Test func idxFilesTrainAndTest() throws {
        let folder = try Folder()
        func idx(_ extents: [Int], _ bytes: [UInt8]) -> [UInt8] {
            [0, 0, 8, UInt8(extents.count)]
                + extents.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] } + bytes
        }
        for (name, count) in [("train", 12), ("test", 4)] {
            let pixels = (0..<(count * 64)).map { UInt8($0 % 251) }
            try folder.write(idx([count, 8, 8], pixels), to: "\(name)-images")
            try folder.write(idx([count], (0..<count).map { UInt8($0 % 3) }), to: "\(name)-labels")
        }
        let words = [
            "data={format: images, source: idx, path: train-images, labels: train-labels}",
            "data.testPath=test-images", "data.testLabels=test-labels",
            "data.split={kind: files, validation: 0.25, stratify: true}",
        ]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        #expect(data.split.test == Array(12..<16) && data.split.train.count == 9)
        #expect(data.fitted.inputs[0].sampleShape == [1, 8, 8])
        #expect(try data.dataset(.test).integers(3, field: 1) == [0])
        let toPredict = try folder.recipe(Self.recipe, words).data.open(
            toPredict: folder.path + "/test-images")
        #expect(try data.fitted.samples(toPredict, for: .prediction).dataset.fields.count == 1)
    }

    @Test func cifarFilesAreRead() throws {
        let folder = try Folder()
        let record = { (label: Int) in [UInt8(label)] + (0..<3072).map { UInt8($0 % 200) } }
        try folder.write((0..<20).flatMap { record($0 % 10) }, to: "batch.bin")
        let words = [
            "data={format: images, source: cifar10, path: batch.bin}",
            "data.split={train: 0.5, test: 0.5, stratify: true}",
        ]
        let data = try RecipeData(try folder.recipe(Self.recipe, words))
        #expect(data.fitted.classNames.count == 10 && data.split.train.count == 10)
        #expect(data.fitted.inputs[0].sampleShape == [3, 32, 32])
    }

    /// What each kind of bad picture says.
    static let bad: [(name: String, contents: [UInt8], says: String)] = [
        ("corrupt.jpg", [0xFF, 0xD8, 0xFF, 0xE0] + Array(repeating: 7, count: 400), "JPEG file is damaged"),
        ("empty.png", [], "the file is empty"),
        (
            "huge.png", PNG.withoutPixels(width: 30_000, height: 30_000),
            "30000 x 30000 pixels is beyond the limit"
        ),
        ("text.jpg", Array("hello".utf8), "neither a JPEG nor a PNG"),
    ]

    @Test(arguments: bad.indices)
    func aBadPictureStopsWithItsPathOrIsSkippedAndCounted(_ index: Int) throws {
        let (name, contents, says) = Self.bad[index]
        let folder = try folder()
        let path = try folder.write(contents, to: "photos/green/\(name)")
        let error = #expect(throws: LockstepError.self) {
            try RecipeData(try folder.recipe(Self.recipe))
        }
        #expect(error?.code == .badData && error?.location?.file == path)
        #expect(error?.message.contains(says) == true, "\(error.map { "\($0)" } ?? "")")
        let data = try RecipeData(try folder.recipe(Self.recipe, ["data.onBadSample=skip"]))
        #expect(data.source.rowCount == 24)
        #expect(
            data.source.warnings == [
                "1 of 25 pictures cannot be decoded and are left out (data.onBadSample): \(path)"
            ])
    }

    @Test func anEmptyClassStopsOrIsLeftOut() throws {
        let folder = try folder()
        try folder.write("no picture", to: "photos/brown/readme.txt")
        let error = #expect(throws: LockstepError.self) {
            try RecipeData(try folder.recipe(Self.recipe))
        }
        #expect(error?.location?.file == folder.path + "/photos/brown")
        let data = try RecipeData(try folder.recipe(Self.recipe, ["data.onBadSample=skip"]))
        #expect(data.fitted.classNames == ["blue", "green", "red"])
        #expect(
            data.source.warnings == [
                "\(folder.path)/photos/brown: a class without a picture is left out"
            ])
    }

    @Test func aClassThatTrainingLacksIsNamed() throws {
        let folder = try folder()
        let words = ["data.split={kind: ranges, train: 0..16, test: 16..24}"]
        let error = #expect(throws: LockstepError.self) {
            try RecipeData(try folder.recipe(Self.recipe, words))
        }
        #expect(error?.message == "the training split holds no picture of class 'red'")
    }

    @Test func aPictureOrAFolderIsPredicted() throws {
        let folder = try folder()
        let recipe = try folder.recipe(Self.recipe)
        let data = try RecipeData(recipe)
        let one = try recipe.data.open(toPredict: folder.path + "/photos/red/3.png")
        let all = try recipe.data.open(toPredict: folder.path + "/photos")
        #expect(one.rowCount == 1 && all.rowCount == 24 && one.rowTitle == "file")
        let sample = try data.fitted.samples(one, for: .prediction).dataset
        #expect(sample.fields.map(\.name) == ["image"])
        let known = try data.fitted.samples(all, for: .prediction).dataset
        #expect(try sample.floats(0, field: 0) == known.floats(19, field: 0))
        #expect(throws: LockstepError.self) { try recipe.data.open(toPredict: folder.path + "/cache") }
    }
}
