import Checkpoints
import Diagnostics
import Foundation
import Testing

/// Row 10 of the fault matrix: truncate a checkpoint anywhere, flip any bit.
@Suite struct CheckpointDamageTests {
    private let folder: TemporaryFolder
    private let files: [String]

    init() throws {
        folder = try TemporaryFolder()
        let writer = CheckpointWriter(folder: folder.path)
        _ = try writer.save(contents(step: 20))
        let newest = try writer.save(contents(step: 40)).path
        files = try FileManager.default.contentsOfDirectory(atPath: newest).sorted().map { newest + "/" + $0 }
        #expect(files.count == 5)
    }

    /// Checks that the damaged file is named and step 20 taken; returns the warning.
    private func expectFallback(_ path: String, _ note: String) throws -> String {
        let found = try CheckpointReader.latest(in: folder.path)
        #expect(found.checkpoint.step == 20, Comment(rawValue: note))
        #expect(found.warnings.count == 1, Comment(rawValue: note))
        let warning = found.warnings.first ?? ""
        let named = path.hasSuffix("manifest.sha256") ? "manifest.sha256" : path
        #expect(warning.contains(named) && warning.contains("step 40"), Comment(rawValue: warning))
        return warning
    }

    @Test func anyTruncationIsNamed() throws {
        for path in files {
            let bytes = try readFile(path)
            for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) + [bytes.count - 1] {
                try overwrite(path, Array(bytes[..<length]))
                _ = try expectFallback(path, "\(path) cut at \(length)")
            }
            try overwrite(path, bytes + [0])
            _ = try expectFallback(path, "\(path) grown")
            try overwrite(path, bytes)
        }
        #expect(try CheckpointReader.latest(in: folder.path).checkpoint.step == 40)
    }

    @Test func anyFlippedBitIsNamed() throws {
        for path in files {
            let bytes = try readFile(path)
            for place in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 150)) {
                var flipped = bytes
                flipped[place] ^= 1 << (place % 8)
                try overwrite(path, flipped)
                _ = try expectFallback(path, "\(path) flipped at \(place)")
            }
            try overwrite(path, bytes)
        }
    }

    @Test func theDamagedTensorIsNamed() throws {
        let path = try #require(files.first { $0.hasSuffix("model.safetensors") })
        let bytes = try readFile(path)
        let entries = try SafetensorsFile(path: path).entries
        #expect(entries.count == 2)
        for entry in entries {
            for place in entry.byteRange {
                var flipped = bytes
                flipped[place] ^= 0x80
                try overwrite(path, flipped)
                #expect(try expectFallback(path, "flip").contains("tensor '\(entry.name)'"))
                try overwrite(path, Array(bytes[..<place]))
                #expect(try expectFallback(path, "cut").contains("tensor '\(entry.name)'"))
            }
        }
        for place in [0, 7, 8, 20] {
            var flipped = bytes
            flipped[place] ^= 1
            try overwrite(path, flipped)
            #expect(try expectFallback(path, "header").contains("header"))
        }
    }

    @Test func noValidCheckpointIsAnErrorNamingAll() throws {
        for step in ["step-00000020", "step-00000040"] {
            try overwrite(folder.path + "/\(step)/data.json", [])
        }
        let error = lockstepError { _ = try CheckpointReader.latest(in: folder.path) }
        #expect(error?.code == .badData)
        #expect(error?.message.contains("no valid checkpoint") == true)
        #expect(error?.message.contains("step-00000020/data.json") == true)
        #expect(error?.message.contains("step-00000040/data.json") == true)
        let empty = try TemporaryFolder()
        for path in [empty.path, empty.path + "/none"] {
            #expect(lockstepError { _ = try CheckpointReader.latest(in: path) }?.code == .badData)
        }
    }

    @Test func aRenamedOrGuttedFolderIsSkipped() throws {
        let manager = FileManager.default
        try manager.moveItem(atPath: folder.path + "/step-00000040", toPath: folder.path + "/step-00000060")
        var found = try CheckpointReader.latest(in: folder.path)
        #expect(found.checkpoint.step == 20)
        #expect(found.warnings.first?.contains("speaks of step 40") == true)
        try manager.removeItem(atPath: folder.path + "/step-00000060/manifest.json")
        found = try CheckpointReader.latest(in: folder.path)
        #expect(found.checkpoint.step == 20 && found.warnings.count == 1)
    }

    @Test func theBestIsFoundAndItsLossIsSaid() throws {
        let writer = CheckpointWriter(folder: folder.path)
        _ = try writer.save(contents(step: 60, bestStep: 20))
        #expect(try CheckpointReader.best(in: folder.path).checkpoint.step == 20)
        try overwrite(folder.path + "/step-00000020/optimizer.safetensors", [1])
        let found = try CheckpointReader.best(in: folder.path)
        #expect(found.checkpoint.step == 60)
        #expect(found.warnings.first?.contains("optimizer.safetensors") == true)
    }
}
