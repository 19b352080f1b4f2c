import DataPipeline
import Diagnostics
import Testing

@Suite struct ImageFilesTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func idx(_ extents: [Int], _ elements: [UInt8]) -> [UInt8] {
        [0, 0, 8, UInt8(extents.count)] + extents.flatMap { [0, 0, UInt8($0 >> 8), UInt8($0 & 255)] }
            + elements
    }

    @Test func readsMNIST() throws {
        let images = try scratch.write(idx([3, 2, 4], (0..<24).map { $0 * 10 }), as: "images")
        let labels = try scratch.write(idx([3], [7, 0, 2]), as: "labels")
        let store = try IDXImages(images: images, labels: labels)
        #expect(store.count == 3 && store.height == 2 && store.width == 4 && store.classNames.count == 8)
        #expect((0..<3).map(store.label) == [7, 0, 2])
        let normalization = try ImageNormalization(mean: [0], deviation: [1])
        let dataset = try ImageDataset(store, normalization: normalization)
        #expect(dataset.fields[0].sampleShape == [1, 2, 4])
        #expect(try dataset.floats(1).map { ($0 * 255).rounded() } == [80, 90, 100, 110, 120, 130, 140, 150])
        #expect(try dataset.integers(2, field: 1) == [2])
    }

    @Test func badIDXFilesAreNamed() throws {
        let good = idx([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
        let labels = try scratch.write(idx([3], [1, 2, 3]), as: "labels")
        let bad: [[UInt8]] = [
            Array(good.dropLast()), good + [0], [0x1F, 0x8B, 8, 0], idx([8], [1, 2, 3, 4, 5, 6, 7, 8]),
            [0, 0],
            idx([2, 0, 2], []), [0, 0, 8, 3] + [UInt8](repeating: 255, count: 12) + [1],
        ]
        for bytes in bad {
            let path = try scratch.write(bytes, as: "images")
            let error = failure { _ = try IDXImages(images: path) }
            #expect(error?.code == .badData && error?.location?.file == path)
        }
        let path = try scratch.write(good, as: "images")
        #expect(failure { _ = try IDXImages(images: path, labels: labels) }?.location?.file == labels)
    }

    @Test(arguments: [CIFARImages.Kind.cifar10, .cifar100])
    func readsCIFAR(kind: CIFARImages.Kind) throws {
        func record(_ label: UInt8) -> [UInt8] {
            let planes = (0..<3_072).map {
                UInt8(truncatingIfNeeded: $0 / 1_024 * 100 + $0 % 1_024 / 32 + Int(label))
            }
            return (kind == .cifar10 ? [label] : [99, label]) + planes
        }
        let paths = [
            try scratch.write(record(1) + record(2), as: "1.bin"), try scratch.write(record(9), as: "2.bin"),
        ]
        let store = try CIFARImages(kind, paths: paths)
        #expect(store.count == 3 && (0..<3).map(store.label) == [1, 2, 9])
        #expect(store.describe(2) == "\(paths[1]), picture 0")
        let dataset = try ImageDataset(
            store, normalization: ImageNormalization(mean: [0, 0, 0], deviation: [1, 1, 1]), crop: (2, 2))
        // The middle rows are 15 and 16.
        #expect(
            try dataset.floats(2).map { ($0 * 255).rounded() }
                == [24, 24, 25, 25, 124, 124, 125, 125, 224, 224, 225, 225])
        let cut = try scratch.write(Array(record(1).dropLast()), as: "cut.bin")
        #expect(failure { _ = try CIFARImages(kind, paths: [cut]) }?.location?.file == cut)
        let wrong = try scratch.write(record(100), as: "wrong.bin")
        #expect(failure { _ = try CIFARImages(kind, paths: [wrong]) }?.location?.file == wrong)
    }
}
