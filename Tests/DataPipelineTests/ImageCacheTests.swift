import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct ImageCacheTests {
    let scratch: Scratch
    let recorded: RecordedImages
    let catalog: ImageCatalog
    var cacheFolder: String { scratch.folder.path + "/cache" }

    init() throws {
        scratch = try Scratch()
        recorded = try RecordedImages()
        var paths: [String] = []
        for (number, name) in ["png rgb", "jpeg rgb", "png grey", "png alpha"].enumerated() {
            paths.append(try scratch.write(recorded.file(name), as: "\(number).img"))
        }
        catalog = try ImageCatalog(paths: paths)
    }

    private func cacheFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cacheFolder).filter { $0.hasSuffix(".cache") }
    }

    private func open(
        _ catalog: ImageCatalog? = nil, width: Int = 6, onBadImage: ImageCache.BadImages = .stop
    ) throws -> ImageCache {
        try ImageCache(
            catalog ?? self.catalog, width: width, height: 4, folder: cacheFolder, onBadImage: onBadImage)
    }

    @Test func holdsWhatDecodingGives() throws {
        for _ in 0..<2 {
            let cache = try open()
            #expect(cache.count == 4 && cache.skippedPaths.isEmpty && !cache.hasLabels)
            for index in 0..<4 {
                let wanted = try ImageDecoder().decode(path: catalog.paths[index])
                    .resized(width: 6, height: 4, method: .area)
                #expect(
                    Array(UnsafeBufferPointer(start: cache.elements(of: index), count: 72)) == wanted.elements
                )
            }
        }
        #expect(try cacheFiles().count == 1)
    }

    @Test func aChangedPictureOrSizeGetsItsOwnFile() throws {
        _ = try open()
        _ = try open(width: 7)
        _ = try scratch.write(recorded.file("png palette"), as: "2.img")
        _ = try open()
        #expect(try cacheFiles().count == 3)
    }

    /// A file that is cut short or of another content is made anew, and nothing is left aside.
    @Test func aDamagedFileIsMadeAnew() throws {
        let path = try open().path
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for damaged in [whole.dropLast(), Data(whole.reversed()), Data()] {
            try damaged.write(to: URL(fileURLWithPath: path))
            _ = try open()
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        }
        let rest = try FileManager.default.contentsOfDirectory(atPath: cacheFolder)
        #expect(rest.allSatisfy { $0.hasSuffix(".cache") || $0.hasSuffix(".lock") })
    }

    /// Locks hold between open files, so threads stand in for the ranks of a node.
    @Test func manyAtOnceMakeOneFile() async throws {
        let (catalog, folder) = (catalog, cacheFolder)
        let inodes = try await withThrowingTaskGroup(of: UInt64.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let path = try ImageCache(catalog, width: 32, height: 32, folder: folder).path
                    let attributes = try FileManager.default.attributesOfItem(atPath: path)
                    return (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
                }
            }
            return try await group.reduce(into: Set<UInt64>()) { $0.insert($1) }
        }
        #expect(inodes.count == 1)
    }

    @Test func badPicturesStopOrAreSkipped() throws {
        let empty = try scratch.write([], as: "empty.jpg")
        let cut = try scratch.write(Array(recorded.file("jpeg rgb").prefix(300)), as: "cut.jpg")
        let all = try ImageCatalog(paths: [catalog.paths[0], empty, catalog.paths[1], cut])
        #expect(failure { _ = try open(all) }?.location?.file == empty)
        let cache = try open(all, onBadImage: .skip)
        #expect(cache.count == 2 && cache.skippedPaths == [empty, cut])
        #expect((0..<2).map(cache.describe) == [catalog.paths[0], catalog.paths[1]])
        // A cache made by a run that skips does not hide them from one that does not.
        #expect(failure { _ = try open(all) }?.location?.file == empty)
        #expect(failure { _ = try open(ImageCatalog(paths: [empty]), onBadImage: .skip) }?.code == .badData)
    }

    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let file = try scratch.write("x", as: "file")
        let error = failure { _ = try ImageCache(catalog, width: 4, height: 4, folder: file + "/cache") }
        #expect(error?.code == .cannotCreate && error?.location?.file == file + "/cache")
    }

    @Test(.enabled(if: TestData.hasNews)) func decodesRealPhotos() throws {
        let photos = try ImageCatalog(folder: TestData.folder.appendingPathComponent("sign-digits").path)
        #expect(photos.paths.count == 2_062 && photos.classNames == (0..<10).map(String.init))
        let cache = try ImageCache(photos, width: 64, height: 64, folder: cacheFolder)
        let normalization = try ImageNormalization(of: cache, indices: 0..<cache.count)
        let dataset = try ImageDataset(cache, normalization: normalization)
        var sums = [Double](repeating: 0, count: 3)
        for index in 0..<dataset.count {
            for (place, value) in try dataset.floats(index).enumerated() {
                sums[place / 4_096] += Double(value)
            }
        }
        for sum in sums { #expect(abs(sum / Double(2_062 * 4_096)) < 1e-4) }
    }
}
