import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct ImageDatasetTests {
    let unit: ImageNormalization
    let store: ImageArray

    init() throws {
        var random = FixedRandom(state: 21)
        let images = (0..<6).map { _ in
            Image(
                width: 12, height: 10,
                elements: (0..<360).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        unit = try ImageNormalization(mean: [0, 0, 0], deviation: [1, 1, 1])
        store = try ImageArray(images, labels: [0, 1, 2, 0, 1, 2], classNames: ["a", "b", "c"])
    }

    private func dataset(
        _ augmentation: ImageAugmentation?, crop: (height: Int, width: Int)? = nil, seed: UInt64 = 1
    ) throws -> ImageDataset {
        try ImageDataset(store, normalization: unit, crop: crop, augmentation: augmentation, seed: seed)
    }

    private func elements(_ dataset: any Dataset, _ sample: Int, epoch: Int) throws -> [Float] {
        var values = [Float](repeating: .nan, count: dataset.fields[0].sampleByteCount / 4)
        try values.withUnsafeMutableBytes {
            try dataset.write(sample: sample, field: 0, epoch: epoch, to: #require($0.baseAddress))
        }
        return values
    }

    /// Elements 0 to 1 of the stored picture, planar.
    private func stored(_ index: Int, _ x: Int, _ y: Int, _ channel: Int) -> Float {
        Float(store.elements(of: index)[(min(max(y, 0), 9) * 12 + min(max(x, 0), 11)) * 3 + channel]) / 255
    }

    @Test func normalizationIsThatOfTheSplit() throws {
        let normalization = try ImageNormalization(of: store, indices: [1, 4])
        for channel in 0..<3 {
            let values = [1, 4].flatMap { index in
                (0..<120).map { Double(stored(index, $0 % 12, $0 / 12, channel)) }
            }
            let mean = values.reduce(0, +) / 240
            let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 240).squareRoot()
            #expect(abs(Double(normalization.mean[channel]) - mean) < 1e-6)
            #expect(abs(Double(normalization.deviation[channel]) - deviation) < 1e-6)
        }
        let flat = try ImageArray([Image(width: 2, height: 2, channelCount: 1, elements: [9, 9, 9, 9])])
        #expect(try ImageNormalization(of: flat, indices: 0..<1).deviation == [1])
        #expect(failure { _ = try ImageNormalization(of: store, indices: []) }?.code == .badData)
        let read = try JSONDecoder().decode(
            ImageNormalization.self, from: JSONEncoder().encode(normalization))
        #expect(read == normalization)
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(
                ImageNormalization.self, from: Data("{\"mean\":[0],\"deviation\":[0]}".utf8))
        }
    }

    @Test func withoutVariationTheMiddleIsShown() throws {
        let shown = try dataset(nil, crop: (4, 6)).floats(2)
        for place in 0..<72 {
            let (channel, row, column) = (place / 24, place % 24 / 6, place % 6)
            #expect(abs(shown[place] - stored(2, column + 3, row + 3, channel)) < 1e-6)
        }
    }

    /// Equal for equal (seed, epoch, picture), whichever dataset and order it is asked through; else different.
    @Test func variationDependsOnSeedEpochAndPictureAlone() throws {
        var options = ImageAugmentation()
        (options.rotation, options.scale, options.cropPadding) = (20, 0.8...1.2, 2)
        (options.brightness, options.contrast, options.saturation) = (0.3, 0.3, 0.3)
        let all = try dataset(options, crop: (8, 8))
        let resident = try all.resident()
        #expect(all.variesByEpoch && !(resident is ResidentDataset))
        let subset = SubsetDataset(all, indices: [5, 3])
        #expect(subset.variesByEpoch)
        #expect(try elements(subset, 1, epoch: 4) == elements(all, 3, epoch: 4))
        #expect(try elements(all, 3, epoch: 4) == elements(all, 3, epoch: 4))
        #expect(try elements(all, 3, epoch: 5) != elements(all, 3, epoch: 4))
        #expect(
            try elements(dataset(options, crop: (8, 8), seed: 2), 3, epoch: 4) != elements(all, 3, epoch: 4))
    }

    /// Two ranks with half of the shards each load what one loads alone, in every epoch.
    @Test func loadersOfAnyRankShowTheSamePictures() throws {
        var options = ImageAugmentation()
        (options.cropPadding, options.horizontalFlip) = (3, 0.5)
        let varied = try dataset(options)
        let sampler = try ShardSampler(sampleCount: 6, globalBatchSize: 4, shardCount: 2, seed: 3)
        func shown(_ shards: Range<Int>, stepCount: Int) throws -> [[Float]] {
            let loader = BatchLoader(dataset: varied, sampler: sampler, shards: shards, startStep: 0)
            defer { loader.stop() }
            return try (0..<(stepCount * shards.count)).map { _ in Array(try loader.next().floats(ofField: 0))
            }
        }
        let alone = try shown(0..<2, stepCount: 6)
        let (first, second) = (try shown(0..<1, stepCount: 6), try shown(1..<2, stepCount: 6))
        #expect(alone == zip(first, second).flatMap { [$0, $1] })
        // Step 2 begins the second epoch: position 0 of both epochs differ in their pictures' variation too.
        let loader = BatchLoader(dataset: varied, sampler: sampler, shards: 0..<2, startStep: 2)
        let batch = try loader.next()
        #expect(batch.epoch == 1)
        #expect(
            try Array(batch.floats(ofField: 0).prefix(360))
                == elements(varied, batch.sampleIndices[0], epoch: 1))
        loader.stop()
    }

    @Test func flipsMirrorAndCropsMove() throws {
        var options = ImageAugmentation()
        options.horizontalFlip = 1
        let flipped = try elements(dataset(options), 1, epoch: 0)
        for place in 0..<360 {
            let (channel, row, column) = (place / 120, place % 120 / 12, place % 12)
            #expect(abs(flipped[place] - stored(1, 11 - column, row, channel)) < 1e-6)
        }
        // Every place of a crop comes up, and each shows the pixels of that place.
        options.horizontalFlip = 0
        let crops = try dataset(options, crop: (9, 11))
        var seen: Set<[Int]> = []
        for epoch in 0..<60 {
            let shown = try elements(crops, 0, epoch: epoch)
            let corners = [[0, 0], [1, 0], [0, 1], [1, 1]].filter { corner in
                (0..<297).allSatisfy { place in
                    let (channel, row, column) = (place / 99, place % 99 / 11, place % 11)
                    return abs(shown[place] - stored(0, column + corner[0], row + corner[1], channel)) < 1e-6
                }
            }
            #expect(corners.count == 1)
            seen.formUnion(corners)
        }
        #expect(seen.count == 4)
    }

    /// Of a picture whose elements are a straight function of the place, bilinear sampling gives that function at
    /// the turned place.
    @Test func rotationAndScaleSampleTheTurnedPlace() throws {
        let size = 41
        let ramp = Image(
            width: size, height: size, channelCount: 1,
            elements: (0..<(size * size)).map { UInt8($0 % size * 4 + $0 / size * 2) })
        var options = ImageAugmentation()
        (options.rotation, options.scale) = (30, 1.5...1.5)
        let varied = try ImageDataset(
            ImageArray([ramp]), normalization: ImageNormalization(mean: [0], deviation: [1]), crop: (21, 21),
            augmentation: options)
        for epoch in 0..<10 {
            let shown = try elements(varied, 0, epoch: epoch).map { Double($0) * 255 }
            // The slopes along both axes and the middle say everything about a straight function.
            let alongX = (shown[10 * 21 + 15] - shown[10 * 21 + 5]) / 10
            let alongY = (shown[15 * 21 + 10] - shown[5 * 21 + 10]) / 10
            let angle = atan2(4, 2) - atan2(alongX, alongY)
            #expect(abs(hypot(alongX, alongY) - hypot(4, 2) / 1.5) < 0.01)
            #expect(abs(angle) <= 30 * .pi / 180 + 1e-6)
            for (place, value) in shown.enumerated() {
                let wanted = shown[220] + Double(place % 21 - 10) * alongX + Double(place / 21 - 10) * alongY
                #expect(abs(value - wanted) < 0.02)
            }
        }
    }

    @Test func coloursFollowTheFormulas() throws {
        func shown(_ change: (inout ImageAugmentation) -> Void) throws -> [Double] {
            var options = ImageAugmentation()
            change(&options)
            return try elements(dataset(options), 0, epoch: 3).map(Double.init)
        }
        let plain = try shown { _ in }
        let grey = (0..<120).map { (place: Int) -> Double in
            let (red, green, blue) = (plain[place], plain[place + 120], plain[place + 240])
            return 0.2989 * red + 0.587 * green + 0.114 * blue
        }
        let mean = grey.reduce(0, +) / 120
        // One factor explains every element that is not cut off, and it lies in the range.
        func check(_ values: [Double], around center: (Int) -> Double) {
            var factors: [Double] = []
            for (place, value) in values.enumerated() where value > 0.001 && value < 0.999 {
                let distance = plain[place] - center(place)
                if abs(distance) > 0.1 { factors.append((value - center(place)) / distance) }
            }
            #expect(factors.count > 50)
            let (low, high) = (factors.min() ?? 0, factors.max() ?? 0)
            #expect(high - low < 1e-3 && low >= 0.5 && high <= 1.5 && abs(low - 1) > 0.01)
        }
        check(try shown { $0.brightness = 0.5 }) { _ in 0 }
        check(try shown { $0.contrast = 0.5 }) { _ in mean }
        check(try shown { $0.saturation = 0.5 }) { grey[$0 % 120] }
    }

    @Test func cutoutWipesOneSquareAndSurroundingsFillWithTheMean() throws {
        var options = ImageAugmentation()
        options.cutout = 4
        let whole = try elements(dataset(nil), 2, epoch: 0)
        for epoch in 0..<20 {
            let wiped = (0..<360).filter {
                whole[$0] != (try? elements(dataset(options), 2, epoch: epoch))?[$0]
            }
            let columns = Set(wiped.map { $0 % 12 }).count
            let rows = Set(wiped.map { $0 % 120 / 12 }).count
            #expect((2...4).contains(columns) && (2...4).contains(rows))
        }
        options = ImageAugmentation()
        (options.cropPadding, options.surroundings) = (30, .mean)
        let normalization = try ImageNormalization(of: store, indices: 0..<6)
        let varied = try ImageDataset(store, normalization: normalization, augmentation: options)
        let beyond = try (0..<20).map { try elements(varied, 0, epoch: $0) }.filter {
            $0.allSatisfy { abs($0) < 1e-5 }
        }
        #expect(!beyond.isEmpty && beyond.count < 20)
    }

    @Test func whatCannotBeIsRefused() throws {
        #expect(failure { _ = try dataset(nil, crop: (11, 12)) }?.code == .usage)
        let changes: [(inout ImageAugmentation) -> Void] = [
            { $0.cropPadding = -1 }, { $0.horizontalFlip = 1.5 }, { $0.rotation = .nan },
            { $0.scale = 0...1 },
            { $0.brightness = 2 }, { $0.contrast = -1 }, { $0.saturation = 3 }, { $0.cutout = -2 },
        ]
        for change in changes {
            var options = ImageAugmentation()
            change(&options)
            #expect(failure { _ = try dataset(options) }?.code == .usage)
        }
        let grey = try ImageArray([Image(width: 2, height: 2, channelCount: 1, elements: [1, 2, 3, 4])])
        #expect(failure { _ = try ImageDataset(grey, normalization: unit) }?.code == .usage)
    }
}
