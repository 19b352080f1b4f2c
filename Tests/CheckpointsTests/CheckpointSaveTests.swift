import Checkpoints
import Diagnostics
import Foundation
import Testing

@Suite struct CheckpointSaveTests {
    @Test func comesBackAsItWasSaved() throws {
        let folder = try TemporaryFolder()
        let given = contents(step: 40, bestStep: 20, pendingStep: 40)
        let saved = try CheckpointWriter(folder: folder.path + "/checkpoints").save(given)
        #expect(saved.path == folder.path + "/checkpoints/step-00000040")
        let loaded = try CheckpointReader.load(saved.path)
        #expect(loaded.state == given.state)
        #expect(loaded.manifest.recipeText == given.recipeText)
        #expect(loaded.manifest.recipeKeys == given.recipeKeys)
        #expect(loaded.manifest.recipeHash == given.recipeHash)
        #expect(loaded.manifest.libraryVersions == given.libraryVersions)
        #expect(loaded.dataJSON == given.dataJSON)
        #expect(try loaded.model.floats(of: "dense.bias") == [1, 2, 40])
        #expect(loaded.model.entry(named: "dense.weight")?.shape == [3, 4])
        #expect(try loaded.optimizer.floats(of: "dense.weight.first_moment").first == -5)
        let sizes = try FileManager.default.contentsOfDirectory(atPath: saved.path).map {
            try readFile(saved.path + "/" + $0).count
        }
        #expect(sizes.count == 5 && sizes.reduce(0, +) == saved.byteCount)
    }

    /// A counter that stops a save before its numbered system call.
    private final class Fault: @unchecked Sendable {
        // Unchecked: a save runs on one thread.
        enum Kind { case diskFull, kill }
        let kind: Kind
        let target: Int
        var count = 0
        init(_ kind: Kind, before target: Int) {
            self.kind = kind
            self.target = target
        }

        /// A full disk fails one call; after a kill no call happens any more, clean-up included.
        func check(_ operation: String) throws {
            count += 1
            if count == target || (kind == .kill && count > target) {
                throw SystemCallFailure(code: ENOSPC, operation: operation)
            }
        }
    }

    private func callsOfASave(_ folder: String, _ contents: CheckpointContents) throws -> Int {
        let counter = Fault(.diskFull, before: .max)
        _ = try CheckpointWriter(
            folder: folder, retention: Retention(keepLast: 1),
            operations: FileOperations(faultHook: counter.check)
        ).save(contents)
        return counter.count
    }

    @Test(arguments: [false, true])
    func whereverASaveIsKilledAReaderSeesTheNewOrTheOld(replacing: Bool) throws {
        let newStep = replacing ? 20 : 40
        let callCount: Int
        do {
            let folder = try TemporaryFolder()
            _ = try CheckpointWriter(folder: folder.path).save(contents(step: 20))
            callCount = try callsOfASave(folder.path, contents(step: newStep, wallSeconds: 2))
        }
        #expect(callCount > 30)
        var (sawOld, sawNew) = (false, false)
        for target in 1...callCount {
            let folder = try TemporaryFolder()
            _ = try CheckpointWriter(folder: folder.path).save(contents(step: 20))
            let fault = Fault(.kill, before: target)
            let error = lockstepError {
                _ = try CheckpointWriter(
                    folder: folder.path, retention: Retention(keepLast: 1),
                    operations: FileOperations(faultHook: fault.check)
                ).save(contents(step: newStep, wallSeconds: 2))
            }
            for cleaned in [false, true] {
                if cleaned { try CheckpointDirectory.clean(folder.path) }
                let found = try CheckpointReader.latest(in: folder.path)
                #expect(found.warnings.isEmpty)
                let isNew = found.checkpoint.manifest.wallSeconds == 2
                #expect(found.checkpoint.step == (isNew ? newStep : 20))
                if isNew { sawNew = true } else { sawOld = true }
                if !isNew { #expect(error?.code == .inputOutput) }
            }
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(
                names.allSatisfy { $0.hasPrefix("step-") }, "left-overs after the \(target)th call: \(names)")
            // The next start saves as if nothing had been.
            _ = try CheckpointWriter(folder: folder.path).save(contents(step: newStep, wallSeconds: 3))
            #expect(try CheckpointReader.latest(in: folder.path).checkpoint.manifest.wallSeconds == 3)
        }
        #expect(sawOld && sawNew)
    }

    @Test func aFullDiskKeepsTheOldCheckpointBitByBit() throws {
        let folder = try TemporaryFolder()
        let old = try CheckpointWriter(folder: folder.path).save(contents(step: 20))
        let names = try FileManager.default.contentsOfDirectory(atPath: old.path)
        let before = try names.map { try readFile(old.path + "/" + $0) }
        var failureCount = 0
        for target in 1...24 {
            let fault = Fault(.diskFull, before: target)
            let error = lockstepError {
                _ = try CheckpointWriter(
                    folder: folder.path, retention: Retention(keepLast: 5),
                    operations: FileOperations(faultHook: fault.check)
                ).save(contents(step: 40))
            }
            guard let error else { continue }
            failureCount += 1
            #expect(error.code == .inputOutput)
            #expect(error.message.contains("keeping step 20"))
            #expect(error.cause?.contains("No space left on device") == true)
            #expect(error.remedy?.contains("free space") == true)
            #expect(try names.map { try readFile(old.path + "/" + $0) } == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["step-00000020"])
        }
        #expect(failureCount == 24)
    }

    @Test func aFirstSaveThatFailsSaysThatNothingIsKept() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write([], to: "file")
        let error = lockstepError { _ = try CheckpointWriter(folder: file).save(contents(step: 1)) }
        #expect(error?.code == .inputOutput)
        #expect(error?.message.contains("no earlier checkpoint") == true)
    }
}
