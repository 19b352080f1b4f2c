import Checkpoints
import Diagnostics
import Foundation
import Testing

@Suite struct RunFolderTests {
    @Test func aNewRunNeedsAFreeFolder() throws {
        let temporary = try TemporaryFolder()
        let path = temporary.path + "/deep/run"
        let folder = try RunFolder.create(at: path)
        #expect(try RunFolder.create(at: path) == folder)
        #expect(lockstepError { _ = try RunFolder.open(path) }?.code == .badData)
        try overwrite(folder.runFile, Array("{}".utf8))
        let error = lockstepError { _ = try RunFolder.create(at: path) }
        #expect(error?.code == .cannotCreate)
        #expect(error?.remedy?.contains("--resume") == true)
        #expect(try RunFolder.open(path) == folder)
    }

    @Test func aFolderThatCannotBeMadeIsSaid() throws {
        let temporary = try TemporaryFolder()
        let file = try temporary.write([], to: "file")
        for path in [file, file + "/run", "/proc/lockstep-run", "/proc/self/a/b", ""] {
            #expect(lockstepError { _ = try RunFolder.create(at: path) }?.code == .cannotCreate)
        }
    }

    @Test func aSecondHolderIsToldWhoHoldsIt() throws {
        let temporary = try TemporaryFolder()
        let folder = RunFolder(path: temporary.path)
        do {
            let lock = try RunLock(folder)
            let error = lockstepError { _ = try RunLock(folder) }
            #expect(error?.code == .cannotCreate)
            #expect(error?.message.contains("locked by pid \(getpid()) on host ") == true)
            withExtendedLifetime(lock) {}
        }
        _ = try RunLock(folder)
    }

    @Test func aFolderThatCannotBeWrittenIsSaid() throws {
        let temporary = try TemporaryFolder()
        // As root every folder is writable but those of the system; /proc serves both kinds of user.
        for path in ["/proc/self", temporary.path + "/none"] {
            let error = lockstepError { _ = try RunLock(RunFolder(path: path)) }
            #expect(error?.code == .cannotCreate)
            #expect(error?.location?.file == path)
        }
    }
}
