import Checkpoints
import Foundation
import Testing

@Suite struct RetentionTests {
    @Test func keepsTheLastTheBestAndThePending() {
        let rule = Retention(keepLast: 2)
        let steps = [10, 20, 30, 40, 50]
        func removed(best: Int?, pending: Int? = nil, step: Int = 50) -> [Int] {
            rule.removableSteps(
                among: steps, after: contents(step: step, bestStep: best, pendingStep: pending).state)
        }
        #expect(removed(best: nil) == [10, 20, 30])
        #expect(removed(best: 20) == [10, 30])
        #expect(removed(best: 10, pending: 30) == [20])
        #expect(removed(best: 50) == [10, 20, 30])
        // After a resume at 30 the later ones are none of this save's business.
        #expect(removed(best: nil, step: 30) == [10])
        #expect(Retention(keepLast: -3).keepLast == 1)
    }

    @Test func neverRemovesTheBestOrTheLast() {
        var generator = SeededGenerator(state: 9)
        for _ in 0..<2_000 {
            let steps = Set(
                (0..<Int.random(in: 1...9, using: &generator)).map { _ in
                    Int.random(in: 0...20, using: &generator)
                })
            guard let last = steps.max(), let best = steps.randomElement(using: &generator) else { continue }
            let rule = Retention(keepLast: Int.random(in: 0...4, using: &generator))
            let state = contents(step: last, bestStep: best).state
            let removed = Set(rule.removableSteps(among: steps.shuffled(using: &generator), after: state))
            #expect(!removed.contains(last) && !removed.contains(best))
            #expect(steps.subtracting(removed).count <= rule.keepLast + 1)
        }
    }

    @Test func savesRemoveOldOnes() throws {
        let folder = try TemporaryFolder()
        let writer = CheckpointWriter(folder: folder.path, retention: Retention(keepLast: 2))
        for step in [10, 20, 30, 40, 50] {
            let saved = try writer.save(contents(step: step, bestStep: 10))
            #expect(saved.warnings.isEmpty)
            #expect(saved.removedSteps == (step >= 40 ? [step - 20] : []))
        }
        #expect(try CheckpointReader.list(in: folder.path).map(\.step) == [10, 40, 50])
        #expect(try CheckpointReader.best(in: folder.path).checkpoint.step == 10)
    }
}
