import Checkpoints
import Coordination
import Diagnostics
import Foundation
import Testing

/// Failed saves are told and counted; training goes on until several failed in a row.
@Suite struct CheckpointKeeperTests {
    /// A folder for checkpoints that can be blocked: while its parent is a file no save works, not even root's.
    private final class Place {
        let base: String
        var folder: String { base + "/run/checkpoints" }
        let warnings = Warnings()

        init() throws {
            base =
                FileManager.default.temporaryDirectory.appendingPathComponent("keeper-\(UUID().uuidString)")
                .path
            try FileManager.default.createDirectory(atPath: base + "/run", withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: base) }

        var keeper: CheckpointKeeper {
            CheckpointKeeper(folder: folder, keepLast: 2, warn: { [warnings] in warnings.add($0) })
        }

        func block() throws {
            try FileManager.default.moveItem(atPath: base + "/run", toPath: base + "/aside")
            try Data().write(to: URL(fileURLWithPath: base + "/run"))
        }

        func unblock() throws {
            try FileManager.default.removeItem(atPath: base + "/run")
            try FileManager.default.moveItem(atPath: base + "/aside", toPath: base + "/run")
        }

        var steps: [Int] { get throws { try CheckpointReader.list(in: folder).map(\.step) } }
    }

    private final class Warnings: @unchecked Sendable {
        private let lock = NSLock()
        private var texts: [String] = []
        func add(_ text: String) { lock.withLock { texts.append(text) } }
        var all: [String] { lock.withLock { texts } }
    }

    private func contents(_ step: Int) -> CheckpointContents {
        CheckpointContents(
            state: TrainingState(step: step, seed: 1, logicalShards: 4, optimizerStep: step),
            parameters: [NamedTensor("weight", shape: [2], values: [Float(step), 1])])
    }

    @Test func savesAndKeepsTheLast() throws {
        let place = try Place()
        let keeper = place.keeper
        for step in [10, 20, 30] { try keeper.save(contents(step), mustSucceed: false) }
        #expect(try place.steps == [20, 30])
        #expect(place.warnings.all.isEmpty)
    }

    @Test func aFailedSaveIsToldAndKeepsTheOneBefore() throws {
        let place = try Place()
        let keeper = place.keeper
        try keeper.save(contents(10), mustSucceed: false)
        try place.block()
        try keeper.save(contents(20), mustSucceed: false)
        #expect(place.warnings.all.count == 1)
        #expect(place.warnings.all.first?.contains("step 20") == true)
        try place.unblock()
        #expect(try place.steps == [10])
        let kept = try CheckpointReader.latest(in: place.folder)
        #expect(kept.checkpoint.step == 10 && kept.warnings.isEmpty)
    }

    @Test func theThirdInARowEndsTheRun() throws {
        let place = try Place()
        let keeper = place.keeper
        try place.block()
        try keeper.save(contents(10), mustSucceed: false)
        try keeper.save(contents(20), mustSucceed: false)
        let failure = #expect(throws: LockstepError.self) {
            try keeper.save(contents(30), mustSucceed: false)
        }
        #expect(failure?.code == .inputOutput)
        #expect(CheckpointKeeper.maximumFailures == 3 && place.warnings.all.count == 2)
    }

    @Test func aGoodSaveForgivesFailures() throws {
        let place = try Place()
        let keeper = place.keeper
        for round in 0..<3 {
            try place.block()
            try keeper.save(contents(100 * round + 10), mustSucceed: false)
            try keeper.save(contents(100 * round + 20), mustSucceed: false)
            try place.unblock()
            try keeper.save(contents(100 * round + 30), mustSucceed: false)
        }
        #expect(place.warnings.all.count == 6)
        #expect(try place.steps == [130, 230])
    }

    @Test func theLastSaveMustSucceed() throws {
        let place = try Place()
        try place.block()
        let failure = #expect(throws: LockstepError.self) {
            try place.keeper.save(contents(10), mustSucceed: true)
        }
        #expect(failure?.code == .inputOutput && failure?.step == 10)
    }

    /// In the background: work is done in order, the first failure ends the run at the next look.
    @Test func backgroundFailuresSurface() throws {
        let place = try Place()
        let keeper = place.keeper
        let order = Warnings()
        for number in 0..<20 { keeper.copy { { order.add("\(number)") } } }
        try keeper.finish()
        #expect(order.all == (0..<20).map(String.init))
        try place.block()
        for step in [10, 20] {
            keeper.copy { [self] in { [self] in try keeper.save(contents(step), mustSucceed: false) } }
        }
        try keeper.finish()
        #expect(place.warnings.all.count == 2, "two failures let training go on")
        keeper.copy { [self] in { [self] in try keeper.save(contents(30), mustSucceed: false) } }
        keeper.copy { { throw LockstepError(.internalError, "a later one") } }
        let failure = #expect(throws: LockstepError.self) { try keeper.finish() }
        #expect(failure?.code == .inputOutput && failure?.step == 30)
        #expect(throws: LockstepError.self) { try keeper.check() }
    }
}
