import Reports
import Testing

@Suite struct ProgressLineTests {
    /// A clock that the test moves, and a sink that remembers.
    private final class Fake: @unchecked Sendable {
        // Unchecked: a test runs on one thread.
        var time = Duration.zero
        var readCount = 0
        var text: [String] = []
        func now() -> Duration {
            readCount += 1
            return time
        }
    }

    private func line(_ fake: Fake, stepCount: Int? = 100, isTerminal: Bool, columnCount: Int = 100)
        -> ProgressLine
    {
        ProgressLine(
            stepCount: stepCount, style: .init(isTerminal: isTerminal, columnCount: columnCount),
            now: { fake.now() }, write: { fake.text.append($0) })
    }

    @Test func aTerminalHasOneLiveLine() {
        let fake = Fake()
        var progress = line(fake, isTerminal: true)
        fake.time += .seconds(1)
        progress.update(step: 10, epoch: 2, loss: 0.5, sampleCount: 320)
        #expect(fake.text == ["\r\u{1b}[Kstep 10/100  epoch 2  loss 0.5  320 samples/s  eta 0:09"])
        progress.noteEvaluation(step: 10, metric: "accuracy", value: 0.875)
        fake.time += .seconds(2)
        for step in 11...30 { progress.update(step: step, epoch: 2, loss: 0.25, sampleCount: 1000) }
        #expect(fake.text.count == 2)
        #expect(fake.text[1].contains("accuracy 0.875 at step 10"))
        progress.message("a warning")
        #expect(fake.text.last == "\r\u{1b}[Ka warning\n")
        progress.finish()
        #expect(fake.text.last == "\n")
        #expect(fake.text[fake.text.count - 2].hasPrefix("\r\u{1b}[Kstep 30/100"))
    }

    @Test func aLongLineIsCutToTheTerminal() {
        let fake = Fake()
        var progress = line(fake, isTerminal: true, columnCount: 30)
        fake.time += .seconds(1)
        progress.update(step: 10, epoch: 2, loss: 0.5, sampleCount: 320)
        #expect(fake.text == ["\r\u{1b}[Kstep 10/100  epoch 2  loss 0."])
    }

    @Test func elsewhereAPlainLineEveryFiveSeconds() {
        let fake = Fake()
        var progress = line(fake, stepCount: nil, isTerminal: false)
        for step in 1...200 {
            fake.time += .milliseconds(100)
            progress.update(step: step, epoch: 0, loss: 1, sampleCount: 10)
        }
        progress.finish()
        #expect((4...5).contains(fake.text.count))
        #expect(fake.text.allSatisfy { $0.hasSuffix("\n") && !$0.contains("\r") && !$0.contains("eta") })
        #expect(fake.text.first?.hasSuffix("loss 1  100 samples/s\n") == true)
        #expect(fake.text.last?.hasPrefix("step 200  ") == true)
    }

    @Test func fastStepsRarelyAskTheClock() {
        let fake = Fake()
        var progress = line(fake, stepCount: 1_000_000, isTerminal: true)
        for step in 1...1_000_000 {
            fake.time += .microseconds(10)
            progress.update(step: step, epoch: 0, loss: 1, sampleCount: 1)
        }
        // Ten seconds: a hundred lines, eight looks at the clock for each, and a few to find the pace.
        #expect((90...101).contains(fake.text.count))
        #expect(fake.readCount < 1_000)
    }

    @Test func nothingHappenedNothingIsPrinted() {
        let fake = Fake()
        var progress = line(fake, isTerminal: true)
        progress.finish()
        #expect(fake.text.isEmpty)
    }
}
