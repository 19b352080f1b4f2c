import DataPipeline
import Diagnostics
import Foundation
import Testing

@Suite struct ImageCatalogTests {
    let scratch: Scratch
    let recorded: RecordedImages

    init() throws {
        scratch = try Scratch()
        recorded = try RecordedImages()
    }

    /// A folder `photos` with classes of given files.
    private func makeFolder(_ files: [String: [String]]) throws -> String {
        for (name, pictures) in files {
            let folder = scratch.folder.appendingPathComponent("photos/\(name)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for picture in pictures {
                _ = try scratch.write(recorded.file("png rgb"), as: "photos/\(name)/\(picture)")
            }
        }
        return scratch.folder.path + "/photos"
    }

    @Test func foldersAreClassesInByteOrder() throws {
        let folder = try makeFolder(["b": ["2.PNG", "10.jpeg", "notes.txt", ".hidden.png"], "B": ["x.jpg"]])
        let catalog = try ImageCatalog(folder: folder)
        #expect(catalog.classNames == ["B", "b"])
        #expect(
            catalog.paths.map { String($0.dropFirst(folder.count)) } == [
                "/B/x.jpg", "/b/10.jpeg", "/b/2.PNG",
            ])
        #expect(catalog.labels == [0, 1, 1])
    }

    @Test func anEmptyClassIsNamed() throws {
        let folder = try makeFolder(["a": ["1.png"], "b": ["readme.md"]])
        let error = failure { _ = try ImageCatalog(folder: folder) }
        #expect(error?.message == "the class 'b' has no JPEG or PNG file")
        #expect(error?.location?.file == folder + "/b")
        #expect(failure { _ = try ImageCatalog(folder: folder + "/a") }?.code == .badData)
        #expect(failure { _ = try ImageCatalog(folder: folder + "/zz") }?.code == .badData)
    }

    @Test func readsPathsFromCSV() throws {
        _ = try makeFolder(["a": ["1.png", "2.png"]])
        let path = try scratch.write("file,kind\nphotos/a/1.png,zebra\nphotos/a/2.png,ant\n", as: "list.csv")
        let source = try CSVSource(path: path)
        let catalog = try ImageCatalog(source, path: "file", label: "kind")
        #expect(catalog.classNames == ["ant", "zebra"] && catalog.labels == [1, 0])
        #expect(try ImageDecoder().decode(path: catalog.paths[1]).width == 13)
        let error = failure {
            _ = try ImageCatalog(source, path: "file", label: "kind", classNames: ["zebra", "aunt"])
        }
        #expect(error?.location?.line == 3 && error?.remedy == "did you mean 'aunt'?")
        #expect(try ImageCatalog(source, path: "file", label: nil).labels.isEmpty)
    }

    @Test(arguments: ["photos/a/7.png,x", ",x", "photos/a/1.png,"])
    func badRowsAreNamedByLine(row: String) throws {
        _ = try makeFolder(["a": ["1.png"]])
        let path = try scratch.write("file,kind\nphotos/a/1.png,x\n\(row)\n", as: "list.csv")
        let source = try CSVSource(path: path)
        #expect(failure { _ = try ImageCatalog(source, path: "file", label: "kind") }?.location?.line == 3)
    }

    @Test func fingerprintFollowsContents() throws {
        let folder = try makeFolder(["a": ["1.png", "2.png"]])
        let before = try ImageCatalog(folder: folder).fingerprint()
        #expect(try ImageCatalog(folder: folder).fingerprint() == before)
        _ = try scratch.write(recorded.file("png grey"), as: "photos/a/2.png")
        #expect(try ImageCatalog(folder: folder).fingerprint() != before)
    }
}
